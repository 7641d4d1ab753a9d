import { type DiffId, isDigest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { SnapshotScope } from "../../records.ts";
import { isSnapshotScope } from "../../snapshot_scope.ts";

/** A blob that was proved to hold a layer, as the layer's marker records it. */
export interface MarkedBlob {
  /** Digest of the blob. */
  readonly digest: string;
  /** Size of the blob in bytes. */
  readonly size: number;
  /** Media type of the blob; `""` when it is not known. */
  readonly mediaType: string;
}

/** Says which layer a directory of `layers/` holds. */
export interface LayerMarker {
  /** Cache id of the directory. */
  readonly id: number;
  readonly kind: "layer";
  /** The layer's diffID: the SHA-256 of `layer.tar`. In an old store it may be the SHA-512. */
  readonly diffID: string;
  /** Size of `layer.tar` in bytes. */
  readonly size: number;
  /** Digest of the layer tree. */
  readonly treeDigest: string;
  /** Size of `tree` in bytes. */
  readonly treeSize: number;
  /** SHA-256 of `tree`; absent in the oldest markers. */
  readonly treeSum?: string | undefined;
  /** Number of entries of the layer tree. */
  readonly entries: number;
  /** Whether the padding after a file is not all zeros, or is cut; absent in version 1. */
  readonly dirtyPadding?: boolean | undefined;
  /** Proved diffIDs by SHA-512; absent in version 1. */
  readonly names?: readonly string[] | undefined;
  /**
   * Blobs that were proved to hold the layer; absent in version 1. Such a proof stays true, so the
   * list may name a blob that the store no longer holds.
   */
  readonly blobs?: readonly MarkedBlob[] | undefined;
}

/** Says of which chain a directory of `chains/` is. */
export interface ChainMarker {
  /** Cache id of the directory. */
  readonly id: number;
  readonly kind: "chain";
  /** The chainID. */
  readonly chainID: string;
  /** DiffID of the topmost layer. */
  readonly diffID: string;
  /** ChainID of the layers below; `null` for a first layer. */
  readonly parent: string | null;
  /** SHA-256 of the composed image, when the directory was made for one. */
  readonly image?: string | undefined;
}

/** Says which snapshot a directory of `snapshots/` belongs to. */
export interface SnapshotMarker {
  /** Cache id of the directory. */
  readonly id: number;
  readonly kind: "snapshot";
  /** Whose snapshot it is; absent in versions 1 and 2, which know only the user's own. */
  readonly scope?: SnapshotScope | undefined;
  /** Key, or name of a committed snapshot. In version 1 it is the key of the first row. */
  readonly key: string;
  /**
   * The open store that wrote the marker. While that store is open, it may still write the row.
   * Absent in the oldest markers.
   */
  readonly owner?: string | undefined;
  /** Kind of the snapshot; absent in version 1. */
  readonly use?: "active" | "view" | "committed" | undefined;
  /** Name of the committed snapshot below; `null` for none; absent in version 1. */
  readonly parent?: string | null | undefined;
  /** The layer that an active snapshot will be when it is committed, else `null`; absent in version 1. */
  readonly diffID?: DiffId | null | undefined;
  /** Labels by key; absent in version 1. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** When the snapshot was made, in microseconds since the epoch; absent in version 1. Version 2 has milliseconds. */
  readonly createdAt?: number | undefined;
  /** When the snapshot last changed, in microseconds since the epoch; absent in versions 1 and 2. */
  readonly updatedAt?: number | undefined;
}

/**
 * Says what a directory with a cache id is. Each such directory holds its marker, so that the
 * database can be rebuilt from the markers.
 */
export type Marker = LayerMarker | ChainMarker | SnapshotMarker;

/** Refuses what is not UTF-8. A decoder costs more than the decoding of a marker. */
const DECODER = new TextDecoder("utf-8", { fatal: true });

/** First line of a marker: magic and version. */
const MAGIC = "varve-marker 3\n";
/** The first lines of all versions, oldest first. */
const MAGICS: readonly string[] = ["varve-marker 1\n", "varve-marker 2\n", MAGIC];

/** The bytes of a marker: a first line with the version, then JSON. */
export function encodeMarker(marker: Marker): Uint8Array<ArrayBuffer> {
  const value = marker.kind === "snapshot" && marker.labels !== undefined
    // A list of pairs keeps a label that is called __proto__.
    ? { ...marker, labels: Object.entries(marker.labels) }
    : marker;
  return new TextEncoder().encode(`${MAGIC}${JSON.stringify(value)}\n`);
}

/**
 * Reads a marker, and checks each field, because rows may be made from it.
 *
 * @param path for messages
 * @throws {VarveError} `E_FORMAT`
 */
export function parseMarker(bytes: Uint8Array, path: string): Marker {
  const bad = (state: string, cause?: unknown) =>
    new VarveError("E_FORMAT", `Cannot read marker ${path}: ${state}`, { subject: path }, {
      cause,
    });
  let text: string;
  let value: unknown;
  try {
    text = DECODER.decode(bytes);
  } catch (error) {
    throw bad("not UTF-8", error);
  }
  const version = MAGICS.findIndex((line) => text.startsWith(line)) + 1;
  if (version === 0) throw bad(`not a marker of version 1 to ${MAGICS.length}`);
  try {
    value = JSON.parse(text.slice(text.indexOf("\n")));
  } catch (error) {
    throw bad("not JSON", error);
  }
  const marker = isRecord(value) ? read(value, version) : undefined;
  if (marker === undefined) throw bad("a field is missing or malformed");
  return marker;
}

/** Reads the fields of a marker; `undefined` when one is missing or malformed. */
function read(fields: Fields, version: number): Marker | undefined {
  const isNew = version > 1;
  switch (fields.kind) {
    case "layer":
      return isLayer(fields) && (!isNew || isNewLayer(fields)) ? fields : undefined;
    case "chain":
      return isChain(fields) ? fields : undefined;
    case "snapshot": {
      if (!isSnapshot(fields)) return undefined;
      if (!isNew) return fields;
      const labels = labelsOf(fields.labels);
      const { use, parent, diffID, createdAt } = fields;
      const { scope, updatedAt } = version > 2 ? fields : { scope: "", updatedAt: createdAt };
      const isWhole = isSnapshotScope(scope) && isCount(updatedAt) &&
        ["active", "view", "committed"].includes(use as string) &&
        (parent === null || isText(parent)) && (diffID === null || isDigest(diffID)) &&
        isCount(createdAt) && labels !== undefined;
      if (!isWhole) return undefined;
      if (version > 2) return { ...fields, labels };
      const { updatedAt: _, ...rest } = fields;
      return { ...rest, scope: "", labels, createdAt: createdAt * 1000 };
    }
    default:
      return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isId(value: unknown): value is number {
  return isCount(value) && value > 0;
}

function isOptionalDigest(value: unknown): boolean {
  return value === undefined || isDigest(value);
}

function isLayer(fields: Fields): fields is Fields & LayerMarker {
  const { id, diffID, size, treeDigest, treeSize, treeSum, entries } = fields;
  return isId(id) && isDigest(diffID) && isDigest(treeDigest) && isOptionalDigest(treeSum) &&
    [size, treeSize, entries].every(isCount);
}

function isNewLayer({ dirtyPadding, names, blobs }: Fields): boolean {
  return typeof dirtyPadding === "boolean" && Array.isArray(names) && names.every(isDigest) &&
    Array.isArray(blobs) && blobs.every(isBlob);
}

function isBlob(value: unknown): value is MarkedBlob {
  return isRecord(value) && isDigest(value.digest) && isCount(value.size) &&
    typeof value.mediaType === "string";
}

function isChain(fields: Fields): fields is Fields & ChainMarker {
  const { id, chainID, diffID, parent, image } = fields;
  return isId(id) && isDigest(chainID) && isDigest(diffID) &&
    (parent === null || isDigest(parent)) && isOptionalDigest(image);
}

function isSnapshot(fields: Fields): fields is Fields & SnapshotMarker {
  const { id, key, owner } = fields;
  return isId(id) && isText(key) && (owner === undefined || typeof owner === "string");
}

/** Labels from their pairs. The record has no prototype, so that `__proto__` is a key like any other. */
function labelsOf(value: unknown): Record<string, string> | undefined {
  if (!Array.isArray(value)) return undefined;
  const labels = Object.create(null) as Record<string, string>;
  for (const pair of value) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const [key, text] = pair;
    if (typeof key !== "string" || typeof text !== "string") return undefined;
    labels[key] = text;
  }
  return labels;
}
