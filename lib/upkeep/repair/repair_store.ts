import { createPool } from "../../pool/mod.ts";
import { checkRepairable, requireDisk } from "../../store/internal.ts";
import type { DiskStore, Store } from "../../store/mod.ts";
import { findDamage, findingsOf } from "../check/check_store.ts";
import type { Damage } from "../check/damage.ts";
import type { Repair, RepairOptions, RepairReport } from "./contract.ts";
import { healFromSource } from "./from_source.ts";
import { healLayers } from "./heal_layers.ts";
import { healOrphans } from "./heal_orphans.ts";
import { healDangling, healDerived, healSmall } from "./heal_small.ts";

/** How often a repair looks for damage: what one step heals shows what was hidden behind it. */
const ROUNDS = 3;

/**
 * Checks a store and heals what it finds: from what the store itself holds, and with `from`, from an archive, a layout or a
 * registry. No name changes.
 *
 * Nothing of a user is removed: not the files of a snapshot, not a name, not a file that is not the store's.
 *
 * @returns what was healed and what is left
 * @throws {VarveError} as `checkStore`; `E_SYSCALL` with `EROFS` on a read-only file system
 *
 * @example
 * ```ts
 * import { openStore, repairStore } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   const { left } = await repairStore(store, { deep: true });
 *   if (left.length > 0) throw new Error("a new store is sound");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function repairStore(
  store: Store,
  options: RepairOptions = {},
): Promise<RepairReport> {
  const disk = requireDisk(store, "repair a store");
  checkRepairable(disk);
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  const check = { ...options, pool };
  let damages = await findDamage(disk, check);
  const found = [...await withFindings(disk, damages)];
  for (let round = 0; round < ROUNDS && damages.length > 0; round++) {
    const say = (message: string) => options.onStep?.(message);
    await heal({ store: disk, pool, options, damages, say });
    const left = await findDamage(disk, check);
    const isStuck = left.length === damages.length &&
      left.every((damage, i) => isSame(damage, damages[i]));
    damages = left;
    if (isStuck) break;
  }
  const left = await withFindings(disk, damages);
  const keys = new Set(left.map(({ key }) => key));
  return {
    healed: found.filter(({ key }) => !keys.has(key)).map(({ finding }) => finding),
    left: left.map(({ finding }) => finding),
  };
}

/** Whether two rounds found the same: the file of a row that was removed is other damage. */
function isSame(one: Damage, other: Damage | undefined): boolean {
  return one.what === other?.what && one.site.at === other.site.at;
}

async function heal(repair: Repair): Promise<void> {
  await healSmall(repair);
  await healOrphans(repair);
  await healLayers(repair);
  const left = repair.damages.some(({ site }) => site.at === "blob" || site.at === "layer");
  if (left) {
    const { store, pool, options: { signal } } = repair;
    const damages = await findDamage(store, { deep: repair.options.deep, pool, signal });
    await healFromSource({ ...repair, damages });
  }
  await healDerived(repair);
  await healDangling(repair);
}

async function withFindings(store: DiskStore, damages: readonly Damage[]) {
  const findings = await findingsOf(store, damages);
  return findings.map((finding) => ({ finding, key: `${finding.kind} ${finding.what}` }));
}
