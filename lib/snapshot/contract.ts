/**
 * Snapshots: the states of a file system, from an image's layers to a running container's changes.
 *
 * There are three kinds of snapshots.
 * - **active**: a writable layer on top of a committed parent, or of nothing. It has a *key*.
 * - **view**: the same, but read-only.
 * - **committed**: an immutable layer, which can be a parent. It has a *name*.
 *
 * A key and a name cannot be equal: they share one key space. A snapshotter works in one *scope*, the user's own or
 * containerd's, and each scope has its own keys and sees only its own snapshots.
 *
 * A snapshotter returns *mounts*: values that say what to mount. It does not mount them itself. The only exceptions are
 * the read-only lowers that snapshots share, below the store's `mounts/`. The caller performs the mounts, and unmounts
 * them before the snapshot is removed.
 *
 * ## The life of a snapshot
 *
 * An image of two layers is in the store. Its chain becomes two committed snapshots, each named by its chainID. The
 * first has no parent, and the parent of the second is the first. The call is idempotent.
 *
 *     const parent = snapshotter.ensureChain(image.chainId);
 *
 * A container gets an active snapshot on top. The layers are made mountable now, if they are not
 * already, and the caller mounts them:
 *
 *     const mounts = await snapshotter.prepare("web", parent);
 *     for (const mount of mounts) performMount(mount, fromText("/mnt/web"));
 *
 * The container runs and writes. Its changes go only to the directory of `web`. After a restart of the machine nothing
 * is mounted any more, but the snapshot still exists. Its key gives the same mounts again:
 *
 *     const again = await snapshotter.mounts("web");
 *
 * To keep the state, end the processes that write to the mount, and commit the snapshot under a name. The key `web` is
 * then free, and `web-v2` never changes again:
 *
 *     await snapshotter.commit("web-v2", "web");
 *
 * The committed snapshot is the next layer. It can be the parent of other snapshots, writable or not:
 *
 *     await snapshotter.prepare("web-next", "web-v2");
 *     await snapshotter.view("look", "web-v2");
 *
 * A view cannot be committed. A snapshot with children cannot be removed, so remove the children first:
 *
 *     for (const key of ["web-next", "look", "web-v2"]) await snapshotter.remove(key);
 *
 * ## Errors
 *
 * Semantics and errors are containerd's (`core/snapshots/snapshotter.go`), in varve's codes: NotFound
 * is `E_NOT_FOUND`, AlreadyExists `E_EXISTS`, FailedPrecondition `E_PRECONDITION`, InvalidArgument
 * `E_USAGE`. A `prepare`, `view` or `commit` that fails changes nothing. Every change of rows is one
 * transaction: of several processes that prepare one key, exactly one succeeds.
 */
import type { ChainId, DiffId } from "../digest/mod.ts";
import type { Usage } from "../directory/mod.ts";
import type { Mount } from "../linux/mod.ts";
import type { SnapshotRow, SnapshotScope } from "../store/mod.ts";

export type { Usage };

/**
 * A driver: `erofs` composes layers into one image, `overlay` stacks them as directories, `native`
 * copies them.
 */
export type DriverName = "erofs" | "overlay" | "native";

/** Kind, parent, labels, times and disk use of a snapshot. */
export type SnapshotInfo = SnapshotRow;

/** Options of {@linkcode Snapshotter.prepare} and {@linkcode Snapshotter.view}. */
export interface PrepareOptions {
  /** Labels of the new snapshot. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether the snapshot is made to apply one layer to it and to commit it (an *extract snapshot*). What lies below it
   * is then neither composed nor mounted: its mounts show only its own changes, until {@linkcode Snapshotter.mounts} is
   * called. Only for an active snapshot with a parent; else it changes nothing. Default: false.
   */
  readonly extract?: boolean | undefined;
  /** Aborts the call, which may have to make layers mountable first. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode Snapshotter.commit}. */
export interface CommitOptions {
  /** Labels of the committed snapshot. Those of the active snapshot are not kept. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * The parent that the active snapshot must have (`null`: none). Not checked when absent. If it has none, a name makes
   * it lie on that snapshot (*rebase*).
   */
  readonly parent?: string | null | undefined;
}

/** The snapshotter. Any number of processes may use it on one store at the same time. */
export interface Snapshotter {
  /** Name of the driver that makes its mounts. */
  readonly driver: DriverName;
  /** Whose snapshots it works on. */
  readonly scope: SnapshotScope;
  /**
   * Makes an active snapshot and returns its mounts. Without a parent, the snapshot is an empty directory of mode 0755
   * and mtime 0, like the root of an image without layers.
   *
   * @throws {VarveError} `E_NOT_FOUND` no such parent · `E_USAGE` the parent is not committed, or a bad key or
   * label · `E_EXISTS` the key is taken · `E_BUSY` the parent was replaced meanwhile
   */
  prepare(key: string, parent: string | null, options?: PrepareOptions): Promise<Mount[]>;
  /** Makes a view and returns its mounts. @throws {VarveError} as {@linkcode prepare} */
  view(key: string, parent: string | null, options?: PrepareOptions): Promise<Mount[]>;
  /**
   * Returns the mounts of an active snapshot or a view. After that they show what lies below an extract snapshot, too.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` the snapshot is committed
   */
  mounts(key: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<Mount[]>;
  /**
   * Returns what {@linkcode mounts} returns, but mounts nothing below an extract snapshot. So a program that is given
   * mounts can tell whether they are those of a snapshot.
   *
   * @throws {VarveError} as {@linkcode mounts}
   */
  givenMounts(
    key: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Mount[]>;
  /**
   * Tells the snapshotter that no mount of a snapshot exists any more, and that nobody will perform the mounts that
   * were returned before. Shared lowers that only such snapshots need are unmounted. The snapshot stays;
   * {@linkcode mounts} makes it mountable again. `unmountImage` calls `release` for a read-write snapshot, and so does
   * a container when it ends. For a snapshot that is in use, or about to be, it does nothing.
   *
   * @throws {VarveError} `E_NOT_FOUND`
   */
  release(key: string): void;
  /**
   * Turns an active snapshot into a committed one under `name`. The key is free afterwards. A snapshot with a layer (see
   * {@linkcode applied}) becomes the committed snapshot of that layer, and its directory only says so.
   *
   * @throws {VarveError} `E_EXISTS` the name is taken · `E_NOT_FOUND` no such key, or no such new parent ·
   * `E_PRECONDITION` it is not active, the new parent is not committed, or it is an extract snapshot that was filled
   * while its mounts did not show what lies below it · `E_UNSUPPORTED` the new parent would be hidden by a directory of
   * the native driver · `E_USAGE` its parent is not `options.parent`, or a bad name or
   * label
   */
  commit(name: string, key: string, options?: CommitOptions): Promise<void>;
  /**
   * Says that an active snapshot, whose directory is empty, has the content of a layer of the store. The snapshot keeps
   * the layer from gc. Idempotent.
   *
   * @throws {VarveError} `E_NOT_FOUND` no such snapshot or layer · `E_PRECONDITION` the snapshot is not active, has
   * files, or has another layer
   */
  applied(key: string, diffId: DiffId): Promise<SnapshotInfo>;
  /**
   * Removes a snapshot. Its key is free at once. A snapshot that `mountImage` has mounted, or on which a container
   * runs, is refused. A caller that performed the mounts itself must unmount them before.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` the snapshot has children · `E_BUSY` the snapshot is in use
   */
  remove(key: string): Promise<void>;
  /**
   * Waits for what goes on after the return of other calls: files that are deleted, and usage that is measured. See
   * `SnapshotterOptions.later`.
   */
  cleanup(): Promise<void>;
  /** Describes a snapshot. @throws {VarveError} `E_NOT_FOUND` */
  stat(key: string): SnapshotInfo;
  /**
   * Changes labels. An empty value deletes a label.
   *
   * @param fieldpaths `labels` for all labels or `labels.<key>` for one label. Without field paths, all labels are
   *   replaced
   * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` for any other field
   */
  update(
    key: string,
    labels: Readonly<Record<string, string>>,
    fieldpaths?: readonly string[],
  ): Promise<SnapshotInfo>;
  /**
   * Lists the snapshots that pass at least one filter, sorted by key. Without filters, it lists all snapshots.
   *
   * @param filters in containerd's syntax, such as `kind==active,labels.a~=^b`
   * @throws {VarveError} `E_USAGE` a filter is malformed
   */
  walk(filters?: readonly string[]): SnapshotInfo[];
  /**
   * Returns the disk use of a snapshot: measured now for an active one, stored for a committed one,
   * 0 for a view.
   *
   * @throws {VarveError} `E_NOT_FOUND`
   */
  usage(key: string): Promise<Usage>;
  /**
   * Makes what snapshots on a committed snapshot will need, as far as it is small: the composed image of the driver
   * `erofs`. So the first of them is made fast. Idempotent.
   *
   * @throws {VarveError} `E_NOT_FOUND`
   */
  warm(name: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Makes the committed snapshots of a chain whose layers are in the store: one for each layer, named by the chainID up
   * to that layer. Idempotent.
   *
   * @returns the name of the topmost snapshot, which is the chainID
   * @throws {VarveError} `E_NOT_FOUND` the chain or one of its layers is not in the store · `E_EXISTS` another
   * snapshot has one of the names
   */
  ensureChain(chainId: ChainId): string;
}

/** A committed ancestor of a snapshot, as a driver sees it. */
export type Ancestor =
  /** A layer of the store. */
  | { readonly kind: "layer"; readonly diffId: DiffId }
  /** The directory of a snapshot that was committed. */
  | { readonly kind: "directory"; readonly cacheId: number };

/** What a driver needs to know of a snapshot to make its mounts. */
export interface DriverRequest {
  /** Kind of the snapshot. */
  readonly kind: "active" | "view";
  /** Number of the snapshot's own directory; `null` for a view that has a parent. */
  readonly cacheId: number | null;
  /** The committed ancestors, topmost first. */
  readonly ancestors: readonly Ancestor[];
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes mounts out of layers and directories. The store makes and removes the directories of
 * snapshots; the driver fills them.
 */
export interface Driver {
  /** Name of the driver. */
  readonly name: DriverName;
  /**
   * Fills the new, empty directory of a snapshot (if it has one) and returns its mounts. When this
   * fails, the caller removes the directory.
   */
  create(request: DriverRequest): Promise<Mount[]>;
  /** Returns the mounts of a snapshot. Makes the lowers that are missing. Each lower is made once. */
  mounts(request: DriverRequest): Promise<Mount[]>;
  /** Fills the new, empty directory of an extract snapshot, without looking at what lies below it. */
  createExtract(cacheId: number): Promise<void>;
  /** The mounts of an extract snapshot, without any I/O. */
  extractMounts(cacheId: number): Mount[];
  /**
   * Lets the mounts of an extract snapshot show what lies below it, also after a reboot.
   *
   * @param isNew whether this was never done for the snapshot
   */
  showBelow(request: DriverRequest & { readonly cacheId: number }, isNew: boolean): Promise<void>;
  /** Makes lowers of ancestors that are small and that snapshots share, without mounting them. Idempotent. */
  warm(ancestors: readonly Ancestor[], signal?: AbortSignal): Promise<void>;
  /** Unmounts what {@linkcode showBelow} mounted in the directory of the snapshot. Idempotent. */
  hideBelow(cacheId: number): void;
  /** Measures the files of a snapshot. */
  usage(cacheId: number): Promise<Usage>;
  /** Syncs the files of a snapshot to the disk. */
  sync(cacheId: number): Promise<void>;
}
