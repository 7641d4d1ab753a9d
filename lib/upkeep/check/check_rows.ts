import { type ChainId, type DiffId, isDigest } from "../../digest/mod.ts";
import { chainId } from "../../layer/mod.ts";
import {
  type JsonValue,
  parseDescriptor,
  parseStrictJson,
  platformFromJson,
} from "../../oci/mod.ts";
import { attempt, type StoreRows } from "../../store/internal.ts";
import { type Report, rowReport } from "./damage.ts";
import { contradicts } from "./media_types.ts";
import { snapshotName } from "./snapshot_name.ts";

/** Type and subtype of a media type (RFC 6838, section 4.2), with parameters. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*(?:\s*;.*)?$/i;

/**
 * Compares the rows with each other: whether each text can be read, and whether each row that is named is there.
 * SQLite cannot know that, because for SQLite every text is right.
 */
export function checkRows(rows: StoreRows, report: Report): void {
  const row = rowReport(report);
  const dangling = (table: string, key: string, expected: string) =>
    report({
      kind: "dangling",
      what: `row of ${table} ${key}`,
      expected,
      actual: "missing",
      healedBy: "rebuild",
      site: { at: "row", table, key },
    });
  const layers = new Set(rows.layers.map((layer) => layer.diff_id));
  const blobs = new Map(rows.blobs.map((blob) => [blob.digest, blob]));
  for (const { digest, size, media_type } of rows.blobs) {
    if (!isDigest(digest)) row("blob", digest, "a digest", digest);
    if (!isCount(size)) row("blob", digest, "a size", String(size));
    if (media_type !== "" && !MEDIA_TYPE.test(media_type)) {
      row("blob", digest, "a media type", media_type);
    }
  }
  for (const layer of rows.layers) {
    const { diff_id: key } = layer;
    for (const digest of [layer.diff_id, layer.tree_digest, layer.tree_sum]) {
      if (digest !== null && !isDigest(digest)) row("layer", key, "a digest", digest);
    }
    for (const count of [layer.size, layer.tree_size, layer.entries, layer.cache_id]) {
      if (!isCount(count)) row("layer", key, "a number that is not negative", String(count));
    }
  }
  for (const { digest, diff_id } of rows.layerBlobs) {
    if (!isDigest(digest)) row("layer_blob", digest, "a digest", digest);
    if (!layers.has(diff_id)) dangling("layer_blob", digest, `layer ${diff_id}`);
  }
  for (const { name, diff_id } of rows.layerNames) {
    if (!isDigest(name)) row("layer_name", name, "a digest", name);
    if (!layers.has(diff_id)) dangling("layer_name", name, `layer ${diff_id}`);
  }
  checkChains(rows, layers, row, dangling);
  checkImages(rows, blobs, row, dangling);
  checkSnapshots(rows, layers, row, dangling);
  for (const { id, labels, resources } of rows.leases) {
    if (!isPairs(labels)) row("lease", id, "labels", labels);
    if (!isTexts(resources)) row("lease", id, "a list of resources", resources);
  }
}

type Say = (table: string, key: string, expected: string, actual: string) => void;
type SayDangling = (table: string, key: string, expected: string) => void;

function checkChains(
  { chains }: StoreRows,
  layers: ReadonlySet<string>,
  row: Say,
  dangling: SayDangling,
): void {
  const known = new Set(chains.map((chain) => chain.chain_id));
  for (const { chain_id, diff_id, parent_chain_id: parent } of chains) {
    if (parent !== null && !known.has(parent)) dangling("chain", chain_id, `chain ${parent}`);
    if (!layers.has(diff_id)) dangling("chain", chain_id, `layer ${diff_id}`);
    const right = chainId(parent as ChainId | null, diff_id as DiffId);
    if (right !== chain_id) row("chain", chain_id, right, chain_id);
  }
}

function checkImages(
  { images }: StoreRows,
  blobs: ReadonlyMap<string, StoreRows["blobs"][number]>,
  row: Say,
  dangling: SayDangling,
): void {
  for (const { name, digest, target, platform } of images) {
    const json = jsonOf(target);
    const descriptor = json === undefined ? undefined : attempt(() => parseDescriptor(json));
    if (descriptor === undefined) {
      row("image", name, "a descriptor", target);
      continue;
    }
    if (descriptor.digest !== digest) row("image", name, digest, descriptor.digest);
    const blob = blobs.get(descriptor.digest);
    if (blob === undefined) dangling("image", name, `blob ${descriptor.digest}`);
    else if (blob.size !== descriptor.size) {
      row("image", name, `a target of ${blob.size} bytes`, `one of ${descriptor.size} bytes`);
    }
    if (!MEDIA_TYPE.test(descriptor.mediaType)) row("image", name, "a media type", target);
    if (blob !== undefined && contradicts(blob.media_type, descriptor.mediaType)) {
      row("image", name, blob.media_type, descriptor.mediaType);
    }
    const platformJson = platform === null ? undefined : jsonOf(platform);
    const isPlatform = platform === null ||
      platformJson !== undefined && attempt(() => platformFromJson(platformJson, name));
    if (isPlatform === undefined || isPlatform === false) {
      row("image", name, "a platform", String(platform));
    }
  }
}

function checkSnapshots(
  { snapshots }: StoreRows,
  layers: ReadonlySet<string>,
  row: Say,
  dangling: SayDangling,
): void {
  const committed = new Map<string, boolean>();
  for (const one of snapshots) committed.set(snapshotName(one), one.kind === "committed");
  const owners = new Map<number, string>();
  for (const one of snapshots) {
    const { scope, kind, parent, cache_id, diff_id, labels } = one;
    const key = snapshotName(one);
    if (parent !== null) {
      const isCommitted = committed.get(snapshotName({ scope, key: parent }));
      if (isCommitted === undefined) dangling("snapshot", key, `snapshot ${parent}`);
      else if (!isCommitted) row("snapshot", key, "a committed parent", `parent ${parent}`);
    }
    if (diff_id !== null && !layers.has(diff_id)) dangling("snapshot", key, `layer ${diff_id}`);
    if (!isPairs(labels)) row("snapshot", key, "labels", labels);
    if (kind === "active" && cache_id === null) row("snapshot", key, "a directory", "none");
    if (kind === "committed" && cache_id === null && diff_id === null) {
      row("snapshot", key, "a layer or a directory", "neither");
    }
    if (cache_id === null) continue;
    const other = owners.get(cache_id);
    if (other !== undefined) row("snapshot", key, "a directory of its own", `that of ${other}`);
    owners.set(cache_id, key);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function jsonOf(text: string): JsonValue | undefined {
  return attempt(() => parseStrictJson(new TextEncoder().encode(text)));
}

function isTexts(text: string): boolean {
  return isList(text, (item) => typeof item === "string");
}

function isPairs(text: string): boolean {
  if (text === "[]") return true;
  return isList(
    text,
    (item) =>
      Array.isArray(item) && item.length === 2 && item.every((one) => typeof one === "string"),
  );
}

function isList(text: string, is: (item: unknown) => boolean): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(is);
  } catch {
    return false;
  }
}
