import { parseIndex } from "../../oci/mod.ts";
import {
  attempt,
  blobFiles,
  type HomeFact,
  homeIn,
  homesIn,
  indexTexts,
  isOwnerOpen,
  isTopName,
  type StoreRows,
  topFacts,
} from "../../store/internal.ts";
import type { DiskStore } from "../../store/mod.ts";
import { checkBlobs } from "./check_blobs.ts";
import { checkChain, checkLayer, checkSnapshot, reportOrphan } from "./check_homes.ts";
import { checkRows } from "./check_rows.ts";
import { checkMode, checkStray, type Home, type Ownership, type Report } from "./damage.ts";

/** Mode of the directories in a store that hold content. */
const DIRECTORY_MODE = 0o700;

/** What one pass of the quick check needs. */
export interface QuickPass {
  readonly store: DiskStore;
  /** All rows, read before the files. */
  readonly rows: StoreRows;
  readonly owner: Ownership;
  readonly report: Report;
  /** Takes a directory without a row, to look at the process that may still write its row. */
  readonly unclaimed: (orphan: Orphan) => void;
}

/** A directory with a cache id that has no row. */
export interface Orphan {
  readonly home: Home;
  readonly cacheId: number;
  readonly fact: HomeFact;
}

/** Compares rows, names, sizes, modes and markers once. Yields between two directories. */
export function* quickPass(pass: QuickPass): Generator<void, void, void> {
  const { store, rows, owner, report } = pass;
  checkRows(rows, report);
  checkAge(rows, report);
  yield;
  for (const { path, fact } of topFacts(store)) {
    if (!isTopName(path)) checkStray(report, owner, path);
    else if (fact.type === "directory") checkMode(report, owner, path, fact, DIRECTORY_MODE);
  }
  checkIndex(store, rows, report);
  checkBlobs(rows, blobFiles(store), owner, report);
  yield;
  yield* passHomes(pass, "layers", rows.layers, checkLayer);
  yield* passHomes(pass, "chains", rows.chains.filter(hasDirectory), checkChain);
  yield* passHomes(pass, "snapshots", rows.snapshots.filter(hasDirectory), checkSnapshot);
}

/** A start notes that the database is older than the files, and gives cache ids above them. */
function checkAge({ state }: StoreRows, report: Report): void {
  if (state.older !== 1) return;
  report({
    kind: "database",
    what: "the database",
    expected: "to know everything that is in the store",
    actual: "older than the files: it was restored from a copy, or lost its last changes",
    healedBy: "rebuild",
    site: { at: "database" },
  });
}

function hasDirectory<Row extends { readonly cache_id: number | null }>(
  row: Row,
): row is Row & { readonly cache_id: number } {
  return row.cache_id !== null;
}

type Check<Row> = (
  row: Row,
  fact: HomeFact | undefined,
  owner: Ownership,
  report: Report,
  rows: StoreRows,
) => void;

function* passHomes<Row extends { readonly cache_id: number }>(
  { store, owner, report, unclaimed, rows }: QuickPass,
  home: Home,
  own: readonly Row[],
  check: Check<Row>,
): Generator<void, void, void> {
  const left = new Map<number, Row>();
  for (const row of own) left.set(row.cache_id, row);
  const { ids, others } = homesIn(store, home);
  for (const name of others) checkStray(report, owner, `${home}/${name}`);
  for (const cacheId of ids) {
    const fact = homeIn(store, home, cacheId);
    const row = left.get(cacheId);
    left.delete(cacheId);
    if (row !== undefined) check(row, fact, owner, report, rows);
    else if (fact !== undefined) unclaimed({ home, cacheId, fact });
    yield;
  }
  for (const row of left.values()) check(row, undefined, owner, report, rows);
}

function checkIndex(store: DiskStore, rows: StoreRows, report: Report): void {
  const texts = attempt(() => indexTexts(store));
  // The check of the rows has found an image whose target cannot be read.
  if (texts === undefined) return;
  const { expected, actual } = texts;
  if (expected === actual) return;
  report({
    kind: "index",
    what: "content/index.json",
    expected: "the image names of the database",
    actual: actual === null ? "missing" : "other content",
    // The file may show names that an older database does not know, or that a damaged one lost.
    healedBy: rows.state.older === 1 || hasLostNames(rows, expected, actual) ? "rebuild" : "repair",
    site: { at: "index" },
  });
}

/**
 * Whether the index shows everything that the database has, of the same generation, and more names of documents that
 * are there. Then the database lost their rows: a change of names gives the index another generation.
 */
function hasLostNames({ blobs }: StoreRows, expected: string, actual: string | null): boolean {
  const right = entriesOf(expected), shown = entriesOf(actual ?? "");
  if (right === undefined || shown === undefined || right.annotations !== shown.annotations) {
    return false;
  }
  const held = new Set(blobs.map(({ digest }) => digest));
  const lost = [...shown.manifests].filter(([text]) => !right.manifests.has(text));
  return lost.length > 0 &&
    [...right.manifests.keys()].every((text) => shown.manifests.has(text)) &&
    lost.every(([, digest]) => held.has(digest));
}

/** The entries of an index, each as JSON with its digest, and its annotations as JSON. */
function entriesOf(
  text: string,
): { readonly manifests: ReadonlyMap<string, string>; readonly annotations: string } | undefined {
  return attempt(() => {
    const { manifests, annotations } = parseIndex(new TextEncoder().encode(text));
    return {
      manifests: new Map(manifests.map((one) => [JSON.stringify(one), one.digest])),
      annotations: JSON.stringify(annotations),
    };
  });
}

/** Reports the directories without a row whose makers are gone. */
export async function reportOrphans(
  store: DiskStore,
  orphans: readonly Orphan[],
  report: Report,
): Promise<void> {
  for (const { home, cacheId, fact } of orphans) {
    const owner = fact.marker?.kind === "snapshot" ? fact.marker.owner : undefined;
    if (!await isOwnerOpen(store, owner)) reportOrphan(home, cacheId, fact, report);
  }
}
