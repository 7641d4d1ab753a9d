import { verifyComposed } from "../../compose/internal.ts";
import type { ChainId, DiffId, Digest } from "../../digest/mod.ts";
import { verifyInPool } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { boundedParallel } from "../../pool/internal.ts";
import {
  DRIVER_FILES,
  homeIn,
  homePath,
  isComposedName,
  parseDerivedName,
} from "../../store/internal.ts";
import type { TreeFile } from "../../store/mod.ts";
import type { FindingKind } from "../contract.ts";
import type { DeepPass } from "./contract.ts";
import { hasChain, hasDigest } from "./scope.ts";

/** Name of a directory that a driver extracted, without its generation: `fs`, or `fs-` and the setting for device nodes. */
const EXTRACTED = /^fs(?:-(skip|reject))?$/;

/** A directory that was derived from layers. */
interface Derived {
  /** Path in the store. */
  readonly path: string;
  /** Its name, without its generation. */
  readonly name: string;
  /** The chain that it belongs to; `null` for a directory of a layer. */
  readonly chainId: string | null;
  /** The layers that it was derived from, lowest first. */
  readonly diffIds: readonly DiffId[];
}

/**
 * Compares composed images and extracted directories with the layers that they were derived from.
 *
 * @param damaged the layers whose trees cannot be used; what was derived from them cannot be judged
 */
export async function checkDerived(
  pass: DeepPass,
  damaged: ReadonlySet<string>,
): Promise<void> {
  const { atOnce, signal } = pass;
  await boundedParallel(
    [...layerDirectories(pass), ...chainDirectories(pass)],
    (derived, signal) => checkOne(pass, derived, damaged, signal),
    { limit: atOnce, signal },
  );
}

function* layerDirectories({ store, rows, scope }: DeepPass): Generator<Derived> {
  for (const row of rows.layers) {
    if (!hasDigest(scope, row.diff_id)) continue;
    for (const { name, type } of homeIn(store, "layers", row.cache_id)?.files ?? []) {
      const diffIds = [row.diff_id as DiffId];
      const base = presentBase(name, () => store.directories.generation(diffIds));
      if (type !== "directory" || base === undefined || !EXTRACTED.test(base)) continue;
      yield { path: `layers/${row.cache_id}/${name}`, name: base, chainId: null, diffIds };
    }
  }
}

function* chainDirectories({ store, rows, scope }: DeepPass): Generator<Derived> {
  const layers = new Set<string>(rows.layers.map((row) => row.diff_id));
  for (const { chain_id, cache_id } of rows.chains) {
    if (cache_id === null || !hasChain(scope, chain_id)) continue;
    let diffIds: DiffId[];
    try {
      diffIds = store.chains.diffIds(chain_id as ChainId);
    } catch (error) {
      // The check of the rows has found it.
      if (!(error instanceof VarveError)) throw error;
      continue;
    }
    // A chain without the row of a layer cannot be judged. The check of the rows has found it.
    if (!diffIds.every((diffId) => layers.has(diffId))) continue;
    for (const { name, type } of homeIn(store, "chains", cache_id)?.files ?? []) {
      const chainId = chain_id as ChainId;
      const base = presentBase(name, () => store.directories.generation(diffIds, chainId));
      if (type !== "directory" || base === undefined) continue;
      yield { path: `chains/${cache_id}/${name}`, name: base, chainId, diffIds };
    }
  }
}

/**
 * The name of a driver's directory without its generation. `undefined` for another name, and for a directory that is out
 * of date: no new mount uses it. Composed images have no generation in their names.
 */
function presentBase(name: string, generation: () => number): string | undefined {
  const parsed = parseDerivedName(name);
  if (parsed === undefined || isComposedName(parsed.base)) return parsed?.base;
  return parsed.generation === generation() ? parsed.base : undefined;
}

async function checkOne(
  pass: DeepPass,
  derived: Derived,
  damaged: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { store, pool, progress, report } = pass;
  const { name, path, chainId, diffIds } = derived;
  const whole = diffIds.some((diffId) => damaged.has(diffId)) ? null : treesOf(pass, diffIds);
  const say = (kind: FindingKind, file: string, expected: string, actual: string) =>
    report({
      kind,
      what: `${path}${file}`,
      expected,
      actual,
      healedBy: "repair",
      site: { at: "derived", path, chainId, diffIds },
    });
  const options = { signal, onProgress: progress.task() };
  if (isComposedName(name)) {
    const directory = `${store.root}/${path}`;
    // The tree of layers that lie on a directory depends on that directory, too: only the bytes are verified.
    const trees = name === DRIVER_FILES.composed ? whole : null;
    const problem = await verifyComposed(pool, { directory, trees, diffIds }, options);
    if (problem !== null) say("composed", `/${problem.name}`, problem.expected, problem.actual);
    return;
  }
  const extracted = EXTRACTED.exec(name);
  const isAttributes = name === DRIVER_FILES.attributes;
  if (whole === null || extracted === null && !isAttributes) return;
  const form = chainId === null ? "layer" : isAttributes ? "attributes" : "root";
  const difference = await verifyInPool(pool, {
    form,
    trees: whole,
    path: `${store.root}/${path}`,
    policy: {
      whiteouts: form === "root" ? "none" : "overlay",
      devices: (extracted?.[1] ?? "keep") as "keep" | "skip" | "reject",
    },
  }, options);
  if (difference === null) return;
  say("extracted", difference.path, difference.expected, difference.actual);
}

/** The files of the trees of some layers; `null` when one has no row. */
function treesOf({ store, rows }: DeepPass, diffIds: readonly DiffId[]): TreeFile[] | null {
  const trees: TreeFile[] = [];
  for (const diffId of diffIds) {
    const row = rows.layers.find((layer) => layer.diff_id === diffId);
    if (row === undefined) return null;
    const path = `${homePath(store, "layers", row.cache_id)}/tree`;
    trees.push({ diffId, path, sum: row.tree_sum as Digest | null });
  }
  return trees;
}
