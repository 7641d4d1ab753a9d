import { VarveError } from "../errors.ts";
import type { Store } from "./contract.ts";
import type { Directories } from "./disk_directories.ts";
import type { Collector } from "./garbage.ts";

/** A store on the disk. It has a root, and directories that drivers fill. */
export interface DiskStore extends Store {
  /** Absolute path of the store's root directory. */
  readonly root: string;
  /** The directories of the store's layers, chains and snapshots. */
  readonly directories: Directories;
  /** Finds and removes what nothing needs any more. */
  readonly collector: Collector;
}

/**
 * Narrows a store to a disk store, for work that needs files.
 *
 * @param action the work, for the message "Cannot <action>: …"
 * @throws {VarveError} `E_UNSUPPORTED` when `store` is a memory store
 */
export function requireDisk(store: Store, action: string): DiskStore {
  if (isDisk(store)) return store;
  throw new VarveError("E_UNSUPPORTED", `Cannot ${action}: the store has no directories`);
}

function isDisk(store: Store): store is DiskStore {
  return store.root !== null && store.directories !== null;
}
