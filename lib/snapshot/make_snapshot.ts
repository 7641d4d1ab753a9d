import { requestTrim } from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import type { Mount } from "../linux/mod.ts";
import type { DiskStore, Snapshots } from "../store/mod.ts";
import type { Ancestor, Driver, PrepareOptions } from "./contract.ts";
import { boundCaches } from "./bound_caches.ts";
import { EXTRACT_STATE, keptLabels } from "./keys.ts";
import { holdLowers } from "./lowers.ts";
import * as machine from "./machine.ts";

/** What makes snapshots. */
export interface MakerParts {
  readonly store: DiskStore;
  readonly snapshots: Snapshots;
  readonly driver: Driver;
  /** The time, in microseconds since the epoch. */
  readonly now: number;
}

/** The snapshot to make. */
export interface SnapshotToMake extends PrepareOptions {
  readonly kind: "active" | "view";
  readonly key: string;
  readonly parent: string | null;
}

/** Makes an active snapshot or a view; see `Snapshotter.prepare`. */
export async function makeSnapshot(parts: MakerParts, wanted: SnapshotToMake): Promise<Mount[]> {
  wanted.signal?.throwIfAborted();
  let made: Mount[];
  {
    // Until the row is written, only this says that the lowers are needed.
    using _ = await holdLowers(parts.store, wanted.signal);
    made = await makeHeld(parts, wanted);
  }
  await boundCaches(parts.store, wanted.signal);
  return made;
}

/** Makes the directory first and the row last, because no other process uses a directory without a row. */
async function makeHeld(parts: MakerParts, wanted: SnapshotToMake): Promise<Mount[]> {
  const { store: { directories }, snapshots, driver, now } = parts;
  const { kind, key, parent, labels = {}, signal } = wanted;
  const extract = wanted.extract === true && kind === "active" && parent !== null;
  const ancestors = snapshots.read((table) => machine.checkCreate(table, key, parent, labels));
  const facts = {
    scope: snapshots.scope,
    key,
    use: kind,
    parent,
    diffId: null,
    labels: { ...keptLabels(labels), ...(extract ? EXTRACT_STATE : {}) },
    createdAt: now,
    updatedAt: now,
  };
  const cacheId = kind === "active" || parent === null
    ? (await directories.createSnapshot(facts)).cacheId
    : null;
  try {
    const mounts = extract && cacheId !== null
      ? await makeExtract(driver, cacheId)
      : await driver.create({ kind, cacheId, ancestors, signal });
    signal?.throwIfAborted();
    const putRow = () =>
      snapshots.transact((table) => {
        if (!sameAncestors(ancestors, machine.checkCreate(table, key, parent, labels))) {
          throw new VarveError(
            "E_BUSY",
            `Cannot make snapshot ${JSON.stringify(key)}: its parent was replaced meanwhile`,
            { subject: key },
          );
        }
        checkLayers(parts.store, key, ancestors);
        machine.create(table, { key, kind, parent, cacheId, labels, extract, now });
      });
    if (cacheId === null) putRow();
    else await directories.finishSnapshot(cacheId, putRow);
    return mounts;
  } catch (error) {
    if (cacheId !== null) await discard(parts.store, cacheId);
    requestTrim(directories.mounts);
    throw error;
  }
}

async function makeExtract(driver: Driver, cacheId: number): Promise<Mount[]> {
  await driver.createExtract(cacheId);
  return driver.extractMounts(cacheId);
}

/**
 * Looks for the layers again, in the transaction that makes the snapshot a root of gc.
 *
 * @throws {VarveError} `E_BUSY` one was removed since it was found
 */
function checkLayers(store: DiskStore, key: string, ancestors: readonly Ancestor[]): void {
  for (const ancestor of ancestors) {
    if (ancestor.kind !== "layer" || store.layers.get(ancestor.diffId) !== undefined) continue;
    throw new VarveError(
      "E_BUSY",
      `Cannot make snapshot ${JSON.stringify(key)}: layer ${ancestor.diffId} was removed meanwhile`,
      { subject: key, hint: "run the command again" },
    );
  }
}

/**
 * Removes the directory of a snapshot that was not made. If that fails, the store removes the
 * orphan later.
 */
async function discard(store: DiskStore, cacheId: number): Promise<void> {
  try {
    await store.directories.removeSnapshot(cacheId);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}

function sameAncestors(a: readonly Ancestor[], b: readonly Ancestor[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
