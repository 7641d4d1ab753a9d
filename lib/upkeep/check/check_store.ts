import { inTurns } from "../../pool/internal.ts";
import { createPool, type Pool } from "../../pool/mod.ts";
import { betweenCommits, readRows, requireDisk } from "../../store/internal.ts";
import type { DiskStore, Store } from "../../store/mod.ts";
import type { Finding } from "../contract.ts";
import { deepPass } from "../deep/deep_pass.ts";
import { jobsAtOnce } from "../deep/jobs_at_once.ts";
import { type CheckProgress, ProgressSum } from "../deep/progress.ts";
import { concerns, type Scope } from "../deep/scope.ts";
import { Affected, keysOf } from "./affected.ts";
import { type Damage, joinNoted, type Ownership, type Report } from "./damage.ts";
import { judgeDangling, judgeSources } from "./needs_source.ts";
import { judgeMarkers } from "./proved_markers.ts";
import { isStillThere } from "./still_there.ts";
import { type Orphan, quickPass, reportOrphans } from "./quick_pass.ts";

/** Options of {@linkcode checkStore}. */
export interface CheckOptions {
  /** Whether to read every byte and compare its digest. Default: false. */
  readonly deep?: boolean | undefined;
  /** The pool that reads. When absent, workers start and end with the check. Only for a deep check. */
  readonly pool?: Pool | undefined;
  /** Called often while a deep check reads. */
  readonly onProgress?: ((progress: CheckProgress) => void) | undefined;
  /** Aborts the check. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks an open store: whether rows, files, sizes, modes and markers agree; with `deep`, also every digest. It changes
 * nothing, except that a damaged document is noted as damaged.
 *
 * Other processes may use the store meanwhile. What they are just changing is looked at twice, and is not damage.
 *
 * @returns what is damaged; empty for a sound store
 * @throws {VarveError} `E_UNSUPPORTED` the store has no files · `E_DB` the database cannot be read · `E_SYSCALL`
 *
 * @example
 * ```ts
 * import { checkStore, openStore } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   const findings = await checkStore(store);
 *   if (findings.length > 0) throw new Error(findings[0]?.what);
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<Finding[]> {
  const disk = requireDisk(store, "check a store");
  return await findingsOf(disk, await findDamage(disk, options));
}

/**
 * Finds the damage of a store, with the places where a repair works.
 *
 * @param scope what is checked; `null` for everything
 */
export async function findDamage(
  store: DiskStore,
  options: CheckOptions,
  scope: Scope | null = null,
): Promise<Damage[]> {
  const quick = await findQuickly(store, options);
  const deep = options.deep === true ? await findDeeply(store, options, scope) : [];
  const rows = readRows(store);
  const all = judgeDangling(judgeSources([...quick, ...deep]));
  const found = new Map(
    (options.deep === true ? judgeMarkers(all) : all).filter(({ site }) =>
      concerns(scope, site, keysOf(site, rows))
    )
      .map((damage) => [keyOf(damage), damage]),
  );
  return joinNoted([...found.values()]);
}

async function findQuickly(store: DiskStore, options: CheckOptions): Promise<Damage[]> {
  const first = await onePass(store, options);
  if (first.length === 0) return first;
  // A commit, a removal or a new snapshot may have been between rows and files. What is still so while nobody commits
  // is damage.
  const second = await betweenCommits(store, () => onePass(store, options));
  const still = new Set(second.map(keyOf));
  return first.filter((damage) => still.has(keyOf(damage)));
}

async function findDeeply(
  store: DiskStore,
  { pool, onProgress, signal }: CheckOptions,
  scope: Scope | null,
): Promise<Damage[]> {
  await using owned = new AsyncDisposableStack();
  const found: Damage[] = [];
  const running = pool ?? owned.use(createPool());
  const before = readRows(store);
  await deepPass({
    store,
    rows: before,
    pool: running,
    atOnce: jobsAtOnce(running, before, scope),
    scope,
    report: (damage) => void found.push(damage),
    progress: new ProgressSum(onProgress),
    signal,
  });
  if (found.length === 0) return found;
  // What was removed meanwhile is not damaged.
  const rows = readRows(store);
  return found.filter((damage) => isStillThere(damage, before, rows));
}

async function onePass(store: DiskStore, { signal }: CheckOptions): Promise<Damage[]> {
  const found: Damage[] = [];
  const report: Report = (damage) => void found.push(damage);
  const orphans: Orphan[] = [];
  const owner: Ownership = { root: store.root, uid: Deno.uid() ?? 0 };
  const rows = readRows(store);
  const unclaimed = (orphan: Orphan) => void orphans.push(orphan);
  await inTurns(quickPass({ store, rows, owner, report, unclaimed }), signal);
  await reportOrphans(store, orphans, report);
  return found;
}

/** Tells of each damage whom it affects. */
export async function findingsOf(
  store: DiskStore,
  damages: readonly Damage[],
): Promise<Finding[]> {
  if (damages.length === 0) return [];
  const affected = await Affected.of(store, readRows(store));
  return damages.map((damage) => {
    const { kind, what, expected, actual, healedBy } = damage;
    return { kind, what, expected, actual, affects: affected.usersAt(damage.site), healedBy };
  });
}

function keyOf({ kind, what, actual }: Damage): string {
  return JSON.stringify([kind, what, actual]);
}
