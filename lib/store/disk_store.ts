import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Store } from "./contract.ts";

/** How {@linkcode Directories.ensure} makes a directory. */
export interface EnsureOptions {
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Judges what is there: a directory that is not whole goes to `trash/`, and is made again. */
  readonly isWhole?: ((directory: string) => boolean) | undefined;
}

/** The file of a layer's tree. */
export interface TreeFile {
  /** The layer. */
  readonly diffId: DiffId;
  /** Where it is. */
  readonly path: string;
  /** SHA-256 of its bytes as they were written; `null` when that was not noted. */
  readonly sum: Digest | null;
}

/** Directories of a disk store that drivers fill. */
export interface Directories {
  /** `layers/<cache-id>/` of a layer. @throws {VarveError} `E_NOT_FOUND` */
  layer(diffId: DiffId): string;
  /** Path of a layer's `layer.tar`. */
  layerTar(diffId: DiffId): string;
  /** A layer's `tree`. */
  layerTree(diffId: DiffId): TreeFile;
  /** Notes that a layer's tree was found damaged, so that the next ingest makes it again; gives the error to throw. */
  treeDamage(diffId: DiffId): VarveError;
  /**
   * The directory `name` (lower-case letters, digits, `-`) beside a layer's tar (overlay: `fs`) or of a chain (`chains/<id>/<name>`), made once:
   * when it is missing, `make` fills a temporary directory, which is then synced and renamed into place under a lock.
   */
  ensure(
    owner: { readonly diffId: DiffId } | { readonly chainId: ChainId },
    name: string,
    make: (temporary: string) => Promise<void>,
    options?: EnsureOptions,
  ): Promise<string>;
  /** Path of `chains/<cache-id>/`. */
  chain(cacheId: number): string;
  /** A new, empty `snapshots/<cache-id>/` with its marker. */
  createSnapshot(key: string): Promise<{ readonly cacheId: number; readonly path: string }>;
  /** Path of `snapshots/<cache-id>/`. */
  snapshot(cacheId: number): string;
  /** Moves `snapshots/<cache-id>/` to `trash/` (after the row is gone) and deletes it there. */
  removeSnapshot(cacheId: number): Promise<void>;
  /** `mounts/`, where shared read-only lowers are mounted. */
  readonly mounts: string;
  /** A new, empty directory for what is not to last: it goes with this open store, or after a crash with a later start. */
  scratch(): Promise<string>;
}

/** A store on the disk: it has a root and directories that drivers fill. */
export interface DiskStore extends Store {
  /** Its root directory, an absolute path. */
  readonly root: string;
  /** The directories of its layers, chains and snapshots. */
  readonly directories: Directories;
}

/**
 * The store as a disk store, for what needs files.
 *
 * @param action what needs them, as in "Cannot <action>: …"
 * @throws {VarveError} `E_UNSUPPORTED` when it is a memory store
 */
export function requireDisk(store: Store, action: string): DiskStore {
  if (isDisk(store)) return store;
  throw new VarveError("E_UNSUPPORTED", `Cannot ${action}: the store has no directories`);
}

function isDisk(store: Store): store is DiskStore {
  return store.root !== null && store.directories !== null;
}
