import { VarveError } from "../errors.ts";
import type { DiskStore } from "../store/mod.ts";
import { findLive } from "./run_directory.ts";
import { readOptionLabels } from "./start_options.ts";

/**
 * Refuses to change the files of a container that runs with a read-only root, as docker and podman do. When it has
 * ended, its snapshot is like any other.
 *
 * @throws {VarveError} `E_PRECONDITION`
 */
export async function refuseReadOnly(store: DiskStore, key: string): Promise<void> {
  const row = store.snapshots.read((table) => table.get(key));
  if (row === undefined || readOptionLabels(row.labels)?.readOnly !== true) return;
  if (await findLive(store, key) === undefined) return;
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot change snapshot ${JSON.stringify(key)}: its container runs with a read-only root`,
    { subject: key, hint: "change the source of a volume, or end the container first" },
  );
}
