import type { ChainId, DiffId, Digest, TreeDigest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  type Descriptor,
  parseDescriptor,
  parseStrictJson,
  platformFromJson,
} from "../../../oci/mod.ts";
import type {
  BlobRecord,
  ChainRecord,
  ImageRecord,
  LayerRecord,
  Lease,
  SnapshotRow,
  SnapshotScope,
} from "../../records.ts";

/** A row of `blob`. */
export interface BlobRow {
  readonly digest: string;
  readonly size: number;
  readonly media_type: string;
  readonly verified_at: number;
}

/** A row of `layer`. */
export interface LayerRow {
  readonly diff_id: string;
  readonly size: number;
  readonly cache_id: number;
  readonly tree_digest: string;
  readonly tree_size: number;
  /** `null` for layers of the first schema. */
  readonly tree_sum: string | null;
  readonly entries: number;
  readonly dirty_padding: number;
  readonly verified_at: number;
}

/** A row of `chain`. */
export interface ChainRow {
  readonly chain_id: string;
  readonly diff_id: string;
  readonly parent_chain_id: string | null;
  readonly cache_id: number | null;
}

/** A row of `image`. */
export interface ImageRow {
  readonly name: string;
  readonly digest: string;
  readonly target: string;
  readonly created_at: number;
  readonly updated_at: number;
  /** 1 for a spare name. */
  readonly spare: number;
  /** The platform that the name was given for, as JSON; `null` for none. */
  readonly platform: string | null;
}

/** A row of `snapshot`. */
export interface SnapshotTableRow {
  readonly scope: string;
  readonly key: string;
  readonly kind: string;
  readonly parent: string | null;
  readonly cache_id: number | null;
  readonly diff_id: string | null;
  readonly labels: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly usage_size: number | null;
  readonly usage_inodes: number | null;
}

/** A row of `lease`. */
export interface LeaseRow {
  readonly id: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly labels: string;
  readonly resources: string;
}

/** The record of a blob's row. */
export function toBlob(row: BlobRow): BlobRecord {
  const { digest, size, media_type: mediaType, verified_at: verifiedAt } = row;
  return { digest: digest as Digest, size, mediaType, verifiedAt };
}

/** The record of a layer's row. */
export function toLayer(row: LayerRow): LayerRecord {
  return {
    diffId: row.diff_id as DiffId,
    size: row.size,
    cacheId: row.cache_id,
    treeDigest: row.tree_digest as TreeDigest,
    entries: row.entries,
    dirtyPadding: row.dirty_padding !== 0,
    verifiedAt: row.verified_at,
  };
}

/** The record of a chain's row. */
export function toChain(row: ChainRow): ChainRecord {
  return {
    chainId: row.chain_id as ChainId,
    diffId: row.diff_id as DiffId,
    parent: row.parent_chain_id as ChainId | null,
    cacheId: row.cache_id,
  };
}

/** A target as the store writes most of them: no field but these three, and nothing to escape or to judge. */
const PLAIN_TARGET =
  /^\{"mediaType":"[a-z0-9.+/-]+","digest":"sha256:[0-9a-f]{64}","size":[1-9][0-9]{0,14}\}$/;

/** Whether the target of an image has no more fields than `mediaType`, `digest` and `size`, as JSON in this order. */
export function isPlainTarget(text: string): boolean {
  return PLAIN_TARGET.test(text);
}

/** Reads the target of an image. The strict reader takes ten times as long as the engine's own. */
function toTarget(text: string): Descriptor {
  return isPlainTarget(text)
    ? JSON.parse(text)
    : parseDescriptor(parseStrictJson(new TextEncoder().encode(text)));
}

/** The target in the row of an image name. @throws {VarveError} `E_DB` when the row is damaged */
export function toTargetOf(name: string, target: string): Descriptor {
  try {
    return toTarget(target);
  } catch (error) {
    throw damagedRow(`image ${JSON.stringify(name)}`, error);
  }
}

/** The record of an image name's row. @throws {VarveError} `E_DB` when the row is damaged */
export function toImage(row: ImageRow): ImageRecord {
  const { name, created_at: createdAt, updated_at: updatedAt } = row;
  try {
    const target = toTarget(row.target);
    const platform = row.platform === null
      ? undefined
      : platformFromJson(parseStrictJson(new TextEncoder().encode(row.platform)), name);
    const spare = row.spare === 1 ? true : undefined;
    return { name, target, platform, createdAt, updatedAt, spare };
  } catch (error) {
    throw damagedRow(`image ${JSON.stringify(name)}`, error);
  }
}

/** The columns of `snapshot`, as {@linkcode SnapshotValues} has them. */
export const SNAPSHOT_COLUMNS =
  "scope, key, kind, parent, cache_id, diff_id, labels, created_at, updated_at, usage_size, usage_inodes";

/** A row of `snapshot` as an array, in the order of {@linkcode SNAPSHOT_COLUMNS}. */
export type SnapshotValues = readonly [
  scope: string,
  key: string,
  kind: string,
  parent: string | null,
  cacheId: number | null,
  diffId: string | null,
  labels: string,
  createdAt: number,
  updatedAt: number,
  size: number | null,
  inodes: number | null,
];

/** The record of a snapshot's row that came as an array. @throws {VarveError} `E_DB` when the row is damaged */
export function toSnapshotOf(values: SnapshotValues): SnapshotRow {
  const [scope, key, kind, parent, cacheId, diffId, labels, createdAt, updatedAt] = values;
  const [size, inodes] = values.slice(9) as [number | null, number | null];
  return {
    scope: scope as SnapshotScope,
    key,
    kind: kind as SnapshotRow["kind"],
    parent,
    cacheId,
    diffId: diffId as DiffId | null,
    labels: toMap(() => `snapshot ${JSON.stringify(key)}`, labels),
    createdAt,
    updatedAt,
    usage: size === null || inodes === null ? null : { size, inodes },
  };
}

/** The record of a snapshot's row. @throws {VarveError} `E_DB` when the row is damaged */
export function toSnapshot(row: SnapshotTableRow): SnapshotRow {
  const { scope, key, kind, parent, cache_id, diff_id, labels, created_at, updated_at } = row;
  const { usage_size, usage_inodes } = row;
  return toSnapshotOf([
    ...[scope, key, kind, parent, cache_id, diff_id, labels, created_at, updated_at] as const,
    ...[usage_size, usage_inodes] as const,
  ]);
}

/** The lease of a row. @throws {VarveError} `E_DB` when the row is damaged */
export function toLease(row: LeaseRow): Lease {
  const what = () => `lease ${JSON.stringify(row.id)}`;
  return {
    id: row.id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    labels: toMap(what, row.labels),
    resources: fromJson(what, row.resources, isTexts),
  };
}

/** Writes labels as JSON, as a list of pairs, which keeps the order of the keys. */
export function fromMap(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels));
}

/** No labels, as JSON. */
const NO_LABELS = "[]";

/** Reads labels. The record has no prototype, so that `__proto__` is a key like any other. */
function toMap(what: () => string, json: string): Record<string, string> {
  const out = Object.create(null) as Record<string, string>;
  if (json === NO_LABELS) return out;
  for (const [key, value] of fromJson(what, json, isPairs)) out[key] = value;
  return out;
}

function fromJson<T>(what: () => string, json: string, is: (value: unknown) => value is T): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw damagedRow(what(), error);
  }
  if (!is(value)) throw damagedRow(what(), undefined);
  return value;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isPairs(value: unknown): value is [string, string][] {
  return Array.isArray(value) && value.every((item) => isTexts(item) && item.length === 2);
}

function damagedRow(what: string, cause: unknown): VarveError {
  return new VarveError("E_DB", `Cannot read ${what}: its row is damaged`, {}, { cause });
}
