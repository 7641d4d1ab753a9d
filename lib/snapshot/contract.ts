/**
 * Snapshots: the states of a file system, from an image's layers to a running container's changes.
 *
 * A snapshot is of one of three kinds.
 * - **active**: a writable layer on top of a committed parent, or of nothing. It has a *key*.
 * - **view**: the same, but read-only.
 * - **committed**: an immutable layer, which can be a parent. It has a *name*.
 *
 * Keys and names are one key space.
 *
 * A snapshotter returns *mounts*: values that say what to mount. It performs none of them itself, but
 * for the read-only lowers that snapshots share below the store's `mounts/`. The caller performs the
 * mounts, and unmounts them before the snapshot is removed.
 *
 * ## The life of a snapshot
 *
 * An image of two layers is in the store. Its chain becomes two committed snapshots, each named by its
 * chainID; the first has no parent, the second has the first. The call is idempotent.
 *
 *     const parent = snapshotter.ensureChain(image.chainId);
 *
 * A container gets an active snapshot on top. The layers are made mountable now, if they are not
 * already, and the caller mounts them:
 *
 *     const mounts = await snapshotter.prepare("web", parent);
 *     for (const mount of mounts) performMount(mount, fromText("/mnt/web"));
 *
 * The container runs and writes; its changes go to the directory of `web` alone. After a restart of the
 * machine nothing is mounted any more, but the snapshot is still there. The same mounts come again from
 * its key:
 *
 *     const again = await snapshotter.mounts("web");
 *
 * To keep the state, end what writes there and commit the snapshot under a name. The key `web` is free
 * then, and `web-v2` never changes again:
 *
 *     await snapshotter.commit("web-v2", "web");
 *
 * That is the next layer: the name is now a parent for other snapshots, writable or not, and so layers
 * grow on layers:
 *
 *     await snapshotter.prepare("web-next", "web-v2");
 *     await snapshotter.view("look", "web-v2");
 *
 * A view is never committed. A snapshot with children cannot be removed, so removal goes from the top:
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
import type { SnapshotRow } from "../store/mod.ts";

export type { Usage };

/**
 * A driver: `erofs` composes layers into one image, `overlay` stacks them as directories, `native`
 * copies them.
 */
export type DriverName = "erofs" | "overlay" | "native";

/** What is known of a snapshot. */
export type SnapshotInfo = SnapshotRow;

/** Options of {@linkcode Snapshotter.prepare} and {@linkcode Snapshotter.view}. */
export interface PrepareOptions {
  /** Labels of the new snapshot. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Aborts the call, which may have to make layers mountable first. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode Snapshotter.commit}. */
export interface CommitOptions {
  /** Labels of the committed snapshot. Those of the active snapshot are not kept. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The parent that the active snapshot must have (`null`: none). Not checked when absent. */
  readonly parent?: string | null | undefined;
}

/** The snapshotter. Any number of processes may use it on one store at the same time. */
export interface Snapshotter {
  /** Name of the driver that makes its mounts. */
  readonly driver: DriverName;
  /**
   * Makes an active snapshot and returns its mounts. Without a parent it is an empty directory of mode
   * 0755 and mtime 0, as the root of an image without layers is on every machine.
   *
   * @throws {VarveError} `E_NOT_FOUND` no such parent · `E_USAGE` the parent is not committed, or a bad key or
   * label · `E_EXISTS` the key is taken · `E_BUSY` the parent was replaced meanwhile
   */
  prepare(key: string, parent: string | null, options?: PrepareOptions): Promise<Mount[]>;
  /** Makes a view and returns its mounts. @throws {VarveError} as {@linkcode prepare} */
  view(key: string, parent: string | null, options?: PrepareOptions): Promise<Mount[]>;
  /**
   * Returns the mounts of an active snapshot or a view.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` when it is committed
   */
  mounts(key: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<Mount[]>;
  /**
   * Turns an active snapshot into a committed one under `name`. The key is free afterwards.
   *
   * @throws {VarveError} `E_EXISTS` the name is taken · `E_NOT_FOUND` no such key · `E_PRECONDITION` it is not
   * active · `E_USAGE` another parent, or a bad name or label
   */
  commit(name: string, key: string, options?: CommitOptions): Promise<void>;
  /**
   * Removes a snapshot. Its key is free at once. One that `mountImage` has mounted, or on which a
   * container runs, is refused. Whoever performed mounts without them unmounts before.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` when it has children, `E_BUSY` when it is in use
   */
  remove(key: string): Promise<void>;
  /** Returns what is known of a snapshot. @throws {VarveError} `E_NOT_FOUND` */
  stat(key: string): SnapshotInfo;
  /**
   * Changes labels. An empty value deletes a label.
   *
   * @param fieldpaths `labels` for all labels or `labels.<key>` for one; none means all
   * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` for any other field
   */
  update(
    key: string,
    labels: Readonly<Record<string, string>>,
    fieldpaths?: readonly string[],
  ): SnapshotInfo;
  /**
   * Lists the snapshots that pass at least one filter, sorted by key; without filters, all of them.
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
   * Makes the committed snapshots of a chain whose layers are in the store: one for each of its layers,
   * named by the chainID up to there. Idempotent.
   *
   * @returns the name of the topmost one, which is the chainID
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

/** A snapshot, as a driver is asked for its mounts. */
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
  /** Returns the mounts of a snapshot. Lowers that are missing are made; each is made once. */
  mounts(request: DriverRequest): Promise<Mount[]>;
  /** Measures the files of a snapshot. */
  usage(cacheId: number): Promise<Usage>;
  /** Syncs the files of a snapshot to the disk. */
  sync(cacheId: number): Promise<void>;
  /**
   * Unmounts the shared lowers that no snapshot needs any more.
   *
   * @param needed gives the ancestors of every snapshot that is left; called only if lowers are mounted
   */
  trim(needed: () => readonly (readonly Ancestor[])[]): void;
}
