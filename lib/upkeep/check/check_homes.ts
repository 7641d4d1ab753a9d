import type { ChainId, DiffId } from "../../digest/mod.ts";
import { chainId } from "../../layer/mod.ts";
import {
  type FileFact,
  GENERATION,
  type HomeFact,
  type LayerMarker,
  type Marker,
  parseDerivedName,
  RELEASED_LABEL,
  type StoreRows,
} from "../../store/internal.ts";
import { DATA_MODE } from "./check_blobs.ts";
import {
  bytes,
  checkMode,
  checkStray,
  DIRECTORY,
  expectedFor,
  type Home,
  NOTED,
  type Ownership,
  type Report,
  rowReport,
  wrongSize,
} from "./damage.ts";
import { contradicts } from "./media_types.ts";
import { snapshotName } from "./snapshot_name.ts";

type LayerRow = StoreRows["layers"][number];
type ChainRow = StoreRows["chains"][number];
type SnapshotRow = StoreRows["snapshots"][number];

/** Modes in the store. */
const DIRECTORY_MODE = 0o700, MARKER_MODE = 0o400;

/** Whether a name in the directory of a layer or of a chain is that of a driver's directory, or of their generation. */
function isDrivers(name: string): boolean {
  return name === GENERATION || parseDerivedName(name) !== undefined;
}
/** Names in the directory of a snapshot. */
const SNAPSHOT_NAMES: ReadonlySet<string> = new Set([
  ...["fs", "work", "empty", "init", "stubs", "left-out"],
]);

/** The remedy for the tar of a layer: a compressed blob of it in the store, else a source. */
export function remedyOfLayer(rows: StoreRows, diffId: string): "repair" | "source" {
  const held = new Set(rows.blobs.filter((row) => row.verified_at !== 0).map((row) => row.digest));
  const blobs = rows.layerBlobs.filter((row) => row.diff_id === diffId && row.digest !== diffId);
  return blobs.some(({ digest }) => held.has(digest)) ? "repair" : "source";
}

/** Compares a directory of `layers/` with its row. `home` is `undefined` when it is missing. */
export function checkLayer(
  row: LayerRow,
  home: HomeFact | undefined,
  owner: Ownership,
  report: Report,
  rows: StoreRows,
): void {
  const path = `layers/${row.cache_id}`;
  const files = filesByName(home);
  const noted = row.verified_at === 0 ? NOTED : undefined;
  for (const [name, size] of [["layer.tar", row.size], ["tree", row.tree_size]] as const) {
    const file = files.get(name);
    const wrong = wrongSize(file, size) ?? (name === "layer.tar" ? noted : undefined);
    if (wrong !== undefined) {
      report({
        kind: name === "tree" ? "tree" : "layer",
        what: `${path}/${name} of layer ${row.diff_id}`,
        expected: expectedFor(wrong, size),
        actual: wrong,
        healedBy: wrong === DIRECTORY
          ? "user"
          : name === "tree"
          ? "repair"
          : remedyOfLayer(rows, row.diff_id),
        site: { at: "layer", diffId: row.diff_id, cacheId: row.cache_id },
      });
    }
    if (file?.type === "file") checkMode(report, owner, `${path}/${name}`, file, DATA_MODE);
    files.delete(name);
  }
  if (home === undefined) return;
  checkHome(home, "layers", owner, report, (marker) => layerDifference(marker, row));
  // The marker of another layer proves nothing of this one.
  if (home.marker?.kind === "layer" && home.marker.diffID === row.diff_id) {
    checkProofs(row, home.marker, rows, report);
  }
  for (const file of files.values()) {
    if (!isDrivers(file.name)) checkStray(report, owner, `${path}/${file.name}`);
  }
}

/** Compares the blobs and names that a marker says were proved of a layer with the rows. */
function checkProofs(
  { diff_id, cache_id }: LayerRow,
  marker: LayerMarker,
  rows: StoreRows,
  report: Report,
): void {
  const { blobs, names, held } = proofsOf(rows);
  const say = rowReport(report);
  const layer = `layer ${diff_id}`;
  const missing = (table: string, key: string) =>
    report({
      kind: "row",
      what: `row of ${table} ${key}`,
      expected: layer,
      actual: "no row",
      healedBy: "repair",
      site: { at: "proof", diffId: diff_id, cacheId: cache_id },
    });
  for (const { digest, size, mediaType } of marker.blobs ?? []) {
    const row = held.get(digest);
    if (row === undefined) continue;
    const proved = blobs.get(digest);
    if (proved === undefined) missing("layer_blob", digest);
    else if (proved !== diff_id) say("layer_blob", digest, layer, proved);
    if (row.size !== size) say("blob", digest, bytes(size), bytes(row.size));
    if (contradicts(row.media_type, mediaType)) {
      say("blob", digest, mediaType, row.media_type);
    }
  }
  for (const name of marker.names ?? []) {
    const proved = names.get(name);
    if (proved === undefined) missing("layer_name", name);
    else if (proved !== diff_id) say("layer_name", name, layer, proved);
  }
}

/** The rows of blobs and names, by their key. */
interface Proofs {
  readonly blobs: ReadonlyMap<string, string>;
  readonly names: ReadonlyMap<string, string>;
  readonly held: ReadonlyMap<string, StoreRows["blobs"][number]>;
}

const proofs = new WeakMap<StoreRows, Proofs>();

function proofsOf(rows: StoreRows): Proofs {
  const known = proofs.get(rows);
  if (known !== undefined) return known;
  const made: Proofs = {
    blobs: new Map(rows.layerBlobs.map(({ digest, diff_id }) => [digest, diff_id])),
    names: new Map(rows.layerNames.map(({ name, diff_id }) => [name, diff_id])),
    held: new Map(rows.blobs.map((row) => [row.digest, row])),
  };
  proofs.set(rows, made);
  return made;
}

/** Compares a directory of `chains/` with its row. */
export function checkChain(
  row: ChainRow & { readonly cache_id: number },
  home: HomeFact | undefined,
  owner: Ownership,
  report: Report,
): void {
  const path = `chains/${row.cache_id}`;
  if (home === undefined) {
    report({
      kind: "composed",
      what: `${path} of chain ${row.chain_id}`,
      expected: "a directory",
      actual: "missing",
      healedBy: "repair",
      site: { at: "derived", path, chainId: row.chain_id, diffIds: [row.diff_id] },
    });
    return;
  }
  const { chain_id, diff_id, parent_chain_id: parent } = row;
  // A chainID names its parent and its layer, so a row that fits proves itself.
  const isProved = chainId(parent as ChainId | null, diff_id as DiffId) === chain_id;
  checkHome(
    home,
    "chains",
    owner,
    report,
    (marker) => chainDifference(marker, row),
    isProved,
  );
  for (const file of home.files) {
    if (!isDrivers(file.name)) checkStray(report, owner, `${path}/${file.name}`);
  }
}

/** Compares a directory of `snapshots/` with its row. */
export function checkSnapshot(
  row: SnapshotRow & { readonly cache_id: number },
  home: HomeFact | undefined,
  owner: Ownership,
  report: Report,
): void {
  const path = `snapshots/${row.cache_id}`;
  const files = home?.files.find(({ name }) => name === "fs");
  if (files?.type !== "directory") {
    // The snapshot of a layer has nothing in its directory but the marker.
    const isLayer = row.kind === "committed" && row.diff_id !== null;
    report({
      kind: isLayer ? "marker" : "snapshot",
      what: `${path}/fs of snapshot ${snapshotName(row)}`,
      expected: "a directory",
      actual: files === undefined ? "missing" : "another kind of file",
      healedBy: isLayer ? "repair" : "user",
      site: isLayer
        ? { at: "marker", home: "snapshots", cacheId: row.cache_id }
        : { at: "snapshot", key: snapshotName(row) },
    });
  }
  if (home === undefined) return;
  checkHome(home, "snapshots", owner, report, (marker) => snapshotDifference(marker, row));
  for (const file of home.files) {
    if (!SNAPSHOT_NAMES.has(file.name)) checkStray(report, owner, `${path}/${file.name}`);
  }
}

/** Reports a directory with a cache id that has no row. */
export function reportOrphan(home: Home, cacheId: number, fact: HomeFact, report: Report): void {
  const kinds = { layers: "layer", chains: "composed", snapshots: "snapshot" } as const;
  const said = fact.marker === null ? "" : ` of ${subjectOf(fact.marker)}`;
  report({
    kind: kinds[home],
    what: `${home}/${cacheId}${said}`,
    expected: "a row",
    actual: "no row",
    healedBy: "repair",
    site: { at: "orphan", home, cacheId },
  });
}

/** What a marker says that its directory is. */
function subjectOf(marker: Marker): string {
  if (marker.kind === "layer") return `layer ${marker.diffID}`;
  return marker.kind === "chain"
    ? `chain ${marker.chainID}`
    : `snapshot ${snapshotName({ scope: marker.scope ?? "", key: marker.key })}`;
}

/** Checks mode, owner and marker of a directory with a cache id. */
function checkHome(
  home: HomeFact,
  kind: Home,
  owner: Ownership,
  report: Report,
  difference: (marker: Marker) => readonly [expected: string, actual: string] | undefined,
  isProved = false,
): void {
  const path = `${kind}/${home.directory.name}`;
  const { directory, marker, markerFile } = home;
  if (directory.type !== "directory") {
    // A repair must not change what a link points to.
    report({
      kind: "stray",
      what: path,
      expected: "a directory",
      actual: `a ${directory.type}`,
      healedBy: "user",
      site: { at: "path", path: `${owner.root}/${path}` },
    });
    return;
  }
  checkMode(report, owner, path, directory, DIRECTORY_MODE);
  const site = { at: "marker", home: kind, cacheId: Number(directory.name) } as const;
  const what = `${path}/marker`;
  if (marker === null) {
    const actual = markerFile === undefined ? "missing" : "not a marker";
    report({ kind: "marker", what, expected: "a marker", actual, healedBy: "repair", site });
    return;
  }
  if (markerFile !== undefined) checkMode(report, owner, what, markerFile, MARKER_MODE);
  const wrong = difference(marker);
  if (wrong === undefined) return;
  report({
    kind: "marker",
    what,
    expected: `${wrong[0]}, as in the row`,
    actual: wrong[1],
    // A marker says itself which directory it belongs to. That of another is no evidence against the row.
    healedBy: marker.kind === MARKED[kind] && marker.id === site.cacheId && !isProved
      ? "rebuild"
      : "repair",
    site,
  });
}

/** What the markers of each kind of directory are. */
const MARKED = { layers: "layer", chains: "chain", snapshots: "snapshot" } as const;

type Pair = readonly [string, unknown, unknown];

/** The first field in which a row and a marker differ. A field that an old marker lacks does not count. */
function firstDifference(pairs: readonly Pair[]): readonly [string, string] | undefined {
  const found = pairs.find(([, row, marker]) => marker !== undefined && row !== marker);
  return found === undefined ? undefined : [`${found[0]} ${found[1]}`, `${found[0]} ${found[2]}`];
}

function layerDifference(marker: Marker, row: LayerRow): readonly [string, string] | undefined {
  if (marker.kind !== "layer") return otherKind("layer", marker);
  return firstDifference([
    ["cache id", row.cache_id, marker.id],
    ["diffID", row.diff_id, marker.diffID],
    ["size", row.size, marker.size],
    ["tree digest", row.tree_digest, marker.treeDigest],
    ["tree size", row.tree_size, marker.treeSize],
    ["tree sum", row.tree_sum ?? marker.treeSum, marker.treeSum],
    ["number of entries", row.entries, marker.entries],
    ["dirty padding", row.dirty_padding !== 0, marker.dirtyPadding],
  ]);
}

function chainDifference(marker: Marker, row: ChainRow): readonly [string, string] | undefined {
  if (marker.kind !== "chain") return otherKind("chain", marker);
  return firstDifference([
    ["cache id", row.cache_id, marker.id],
    ["chainID", row.chain_id, marker.chainID],
    ["diffID", row.diff_id, marker.diffID],
    ["parent", row.parent_chain_id, marker.parent],
  ]);
}

function snapshotDifference(
  marker: Marker,
  row: SnapshotRow,
): readonly [string, string] | undefined {
  if (marker.kind !== "snapshot") return otherKind("snapshot", marker);
  // The key in a marker of version 1 is that of the first row.
  if (marker.use === undefined) return firstDifference([["cache id", row.cache_id, marker.id]]);
  return firstDifference([
    ["cache id", row.cache_id, marker.id],
    ["scope", row.scope, marker.scope],
    ["key", row.key, marker.key],
    ["kind", row.kind, marker.use],
    ["parent", row.parent, marker.parent],
    ["layer", row.diff_id, marker.diffID],
    ["labels", labelText(row.labels), JSON.stringify(Object.entries(marker.labels ?? {}).sort())],
    ["time", row.created_at, marker.createdAt],
    ["time of change", row.updated_at, marker.updatedAt],
  ]);
}

/** The labels of a row, sorted, in the form in which the labels of a marker are compared. */
function labelText(labels: string): string {
  if (labels === "[]") return labels;
  try {
    const pairs: unknown = JSON.parse(labels);
    if (!Array.isArray(pairs)) return labels;
    // This label comes and goes with the use of a snapshot, and is not in the marker.
    return JSON.stringify(pairs.filter((pair) => pair?.[0] !== RELEASED_LABEL).sort());
  } catch {
    return labels;
  }
}

function otherKind(kind: string, marker: Marker): readonly [string, string] {
  return [`a marker of a ${kind}`, `a marker of a ${marker.kind}`];
}

function filesByName(home: HomeFact | undefined): Map<string, FileFact> {
  return new Map(home?.files.map((file) => [file.name, file]));
}
