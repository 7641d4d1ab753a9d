/**
 * Snapshots: the running state of an image's layers.
 *
 * A snapshot is of one of three kinds. **active**: a writable layer on top of a
 * committed parent (or of nothing), under a *key*. **view**: the same, read-only.
 * **committed**: an immutable layer under a *name*, which can be a parent. Keys
 * and names are one key space. `commit` turns an active snapshot into a
 * committed one and frees its key; a view is never committed.
 *
 * A snapshotter returns *mounts*: values that say what to mount. It performs
 * none itself, except for read-only lowers that it shares under the store's
 * `mounts/`. `mounts(key)` derives them again at any time, also after a restart.
 *
 * Semantics and errors are containerd's (`core/snapshots`), in varve's codes:
 * NotFound `E_NOT_FOUND`, AlreadyExists `E_EXISTS`, FailedPrecondition
 * `E_PRECONDITION`, InvalidArgument `E_USAGE`.
 */
import type { ChainId, DiffId } from "../digest/mod.ts";
import type { Mount } from "../linux/mod.ts";
import type { Usage } from "../directory/mod.ts";
import type { SnapshotRow } from "../store/mod.ts";

export type { Usage };

/** The drivers: layers composed into one image, as directories on each other, or copied. */
export type DriverName = "erofs" | "overlay" | "native";

/** What is known of a snapshot. */
export type SnapshotInfo = SnapshotRow;

/** Options of prepare and view. */
export interface PrepareOptions {
  /** Labels of the new snapshot. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Cancels the extraction of layers that a driver may need. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of commit. */
export interface CommitOptions {
  /** Labels of the committed snapshot; those of the active one are not kept. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Must be the parent of the active snapshot when given (`null`: none). */
  readonly parent?: string | null | undefined;
}

/** The snapshotter. Every method is safe with many processes on one store. */
export interface Snapshotter {
  /** The driver behind it. */
  readonly driver: DriverName;
  /**
   * Makes an active snapshot and gives its mounts. Without a parent it is an empty directory
   * of mode 0755 and mtime 0, as the root of an image without layers is on every machine.
   *
   * @throws {VarveError} `E_NOT_FOUND` no such parent · `E_USAGE` the parent is not committed, or a bad key or label · `E_EXISTS` the key is taken
   */
  prepare(key: string, parent: string | null, options?: PrepareOptions): Promise<Mount[]>;
  /** Makes a read-only snapshot. @throws {VarveError} as {@linkcode prepare} */
  view(key: string, parent: string | null, options?: PrepareOptions): Promise<Mount[]>;
  /** The mounts of an active snapshot or a view. @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` when it is committed */
  mounts(key: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<Mount[]>;
  /**
   * Active → committed, under `name`.
   *
   * @throws {VarveError} `E_EXISTS` the name is taken · `E_NOT_FOUND` no such key · `E_PRECONDITION` it is not active · `E_USAGE` another parent
   */
  commit(name: string, key: string, options?: CommitOptions): Promise<void>;
  /** Removes a snapshot; its key is free at once. @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` when it has children */
  remove(key: string): Promise<void>;
  /** What is known of a snapshot. @throws {VarveError} `E_NOT_FOUND` */
  stat(key: string): SnapshotInfo;
  /**
   * Changes labels. `fieldpaths` are `labels` or `labels.<key>`; none replaces all labels; an empty value deletes one.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` for any other field
   */
  update(
    key: string,
    labels: Readonly<Record<string, string>>,
    fieldpaths?: readonly string[],
  ): SnapshotInfo;
  /** Snapshots that pass one of the filters (all when there is none), sorted by key. @throws {VarveError} `E_USAGE` for a bad filter */
  walk(filters?: readonly string[]): SnapshotInfo[];
  /** Disk use; measured now for active ones, stored for committed ones, 0 for views. @throws {VarveError} `E_NOT_FOUND` */
  usage(key: string): Promise<Usage>;
  /**
   * Makes the committed snapshots of a chain whose layers the store holds (idempotent): one for each chainID on
   * the way, named by it. Gives the name of the last.
   *
   * @throws {VarveError} `E_NOT_FOUND`
   */
  ensureChain(chainId: ChainId): string;
}

/** One committed ancestor of a snapshot, as a driver sees it. */
export type Ancestor =
  /** A layer of the store. */
  | { readonly kind: "layer"; readonly diffId: DiffId }
  /** A directory that an active snapshot left. */
  | { readonly kind: "directory"; readonly cacheId: number };

/** What a driver is asked for. */
export interface DriverRequest {
  /** Kind of the snapshot. */
  readonly kind: "active" | "view";
  /** Its own directory; `null` for a view that has a parent. */
  readonly cacheId: number | null;
  /** Committed ancestors, topmost first. */
  readonly ancestors: readonly Ancestor[];
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes mounts out of layers and directories. Directories of snapshots are of the store; it fills them. */
export interface Driver {
  /** Its name. */
  readonly name: DriverName;
  /**
   * Fills the new, empty directory of a snapshot (if it has one) and gives its mounts. When this fails,
   * whoever made the directory removes it.
   */
  create(request: DriverRequest): Promise<Mount[]>;
  /** Makes sure that the lowers exist (each is made once) and gives the mounts. */
  mounts(request: DriverRequest): Promise<Mount[]>;
  /** Measures the directory of a snapshot. */
  usage(cacheId: number): Promise<Usage>;
  /** Puts the directory of a snapshot on the disk. */
  sync(cacheId: number): Promise<void>;
  /** Unmounts the shared lowers that no snapshot on these ancestors needs; they are asked for only if there are lowers. */
  trim(needed: () => readonly (readonly Ancestor[])[]): void;
}
