import type { ChainId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { microseconds, requireDisk } from "../store/internal.ts";
import type { Snapshots, Store } from "../store/mod.ts";
import type { SnapshotInfo, Snapshotter } from "./contract.ts";
import { quoteKey } from "./keys.ts";
import * as machine from "./machine.ts";
import { setReleased } from "./snapshot_state.ts";

/** Options of {@linkcode adoptSnapshot}. */
export interface AdoptOptions {
  /** Key of the snapshot, or its name if it was committed. Default: what the marker says. */
  readonly key?: string | undefined;
  /** Name of the committed snapshot below, `null` for none. Default: what the marker says. */
  readonly parent?: string | null | undefined;
}

/**
 * Makes a snapshot again of a directory whose row was lost; see `Directories.lost`. Its marker says what the row
 * said. After that the snapshot can be mounted and committed as before.
 *
 * @param name name of the directory, such as `"7"`
 * @throws {VarveError} `E_NOT_FOUND` there is no such directory, or the store does not hold its parent · `E_EXISTS` the
 * key is taken · `E_USAGE` the marker does not say the key or the parent, and no option gives it · `E_UNSUPPORTED` the
 * store has no directories
 *
 * @example
 * ```ts ignore
 * import { adoptSnapshot, createSnapshotter, openStore } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * const snapshotter = createSnapshotter(store);
 * for (const { name } of await store.directories.lost()) {
 *   console.log((await adoptSnapshot(store, snapshotter, name)).key);
 * }
 * ```
 */
export async function adoptSnapshot(
  store: Store,
  snapshotter: Snapshotter,
  name: string,
  options: AdoptOptions = {},
): Promise<SnapshotInfo> {
  const { directories } = requireDisk(store, "adopt a snapshot");
  const lost = (await directories.lost()).find((one) => one.name === name);
  if (lost === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot adopt ${JSON.stringify(name)}: there is no such lost directory`,
      { subject: name, hint: "list the lost directories" },
    );
  }
  const { key = lost.key, parent = lost.parent } = options;
  if (key === undefined) throw missing(name, "key", "give a key");
  if (parent === undefined) {
    throw missing(name, "parent", "name the image below it, or say that there is none");
  }
  const { scope = "", diffId = null, labels = {}, createdAt = microseconds() } = lost;
  const { updatedAt = createdAt } = lost;
  const snapshots = store.snapshots.in(scope);
  if (parent !== null) ensureParent(snapshots, store, snapshotter, name, parent);
  const use = lost.use === "committed" ? "committed" : "active";
  const facts = { scope, key, use, parent, diffId, labels, createdAt, updatedAt } as const;
  snapshots.read((table) => machine.checkCreate(table, key, parent, labels));
  return await directories.adopt(name, facts, (cacheId) =>
    snapshots.transact((table) => {
      const row = { key, kind: use, parent, cacheId, labels, now: createdAt } as const;
      const made = { ...machine.create(table, row), diffId, updatedAt };
      table.put(made);
      // Nothing of the user's is mounted of it. containerd may use what it was given once.
      if (snapshots.scope === "" && use === "active") setReleased(table, key, true);
      return made;
    }));
}

/** Makes the committed snapshot of a chain again: its row may be lost, too. */
function ensureParent(
  snapshots: Snapshots,
  store: Store,
  snapshotter: Snapshotter,
  name: string,
  parent: string,
): void {
  if (snapshots.read((table) => table.get(parent)) !== undefined) return;
  if (snapshots.scope === "" && store.chains.get(parent as ChainId) !== undefined) {
    snapshotter.ensureChain(parent as ChainId);
    return;
  }
  throw new VarveError(
    "E_NOT_FOUND",
    `Cannot adopt ${name}: the store does not hold its parent ${quoteKey(parent)}`,
    { subject: parent, hint: "load or pull the image below it, then run the command again" },
  );
}

function missing(name: string, what: string, hint: string): VarveError {
  return new VarveError("E_USAGE", `Cannot adopt ${name}: its marker does not say its ${what}`, {
    subject: name,
    hint,
  });
}
