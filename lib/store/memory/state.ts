import type { DiffId, Digest } from "../../digest/mod.ts";
import type { LayerKey } from "../contract.ts";
import type {
  BlobRecord,
  ChainRecord,
  ImageRecord,
  LayerRecord,
  Lease,
  SnapshotRow,
} from "../records.ts";
import { findLayer } from "../rules.ts";
import type { FinishedLayer, IngestPlan, StagedBlob } from "../staging/staged.ts";
import type { PieceList } from "./piece_list.ts";

/** A committed blob. */
export interface MemoryBlob {
  readonly record: BlobRecord;
  readonly bytes: PieceList;
}

/** A committed layer: its tar, and its tree in file form. */
export interface MemoryLayer {
  readonly record: LayerRecord;
  readonly tar: PieceList;
  readonly tree: Uint8Array;
}

/** A staged blob with its bytes. */
export interface StagedBytes extends StagedBlob {
  readonly bytes: PieceList;
}

/** A finished layer in memory. */
export interface StagedMemory extends FinishedLayer {
  readonly tar: PieceList;
  readonly tree: Uint8Array;
  /** The blob of the layer; `null` when the ingest does not keep it. */
  readonly blob: StagedBytes | null;
}

/** The plan that an ingest into a memory store commits. */
export type MemoryPlan = IngestPlan<StagedMemory, StagedBytes>;

/** Everything that a memory store holds. */
export class MemoryState {
  readonly blobs: Map<Digest, MemoryBlob> = new Map();
  readonly layers: Map<DiffId, MemoryLayer> = new Map();
  /** The layer that each blob was proved to hold. */
  readonly proved: Map<Digest, DiffId> = new Map();
  /**
   * The identity (the SHA-256 diffID) of a layer, by a proved diffID of another algorithm.
   */
  readonly names: Map<DiffId, DiffId> = new Map();
  readonly chains: Map<string, ChainRecord> = new Map();
  readonly images: Map<string, ImageRecord> = new Map();
  /** The rows of snapshots, by scope and key. */
  snapshots: Map<string, SnapshotRow> = new Map();
  readonly leases: Map<string, Lease> = new Map();
  readonly settings: Map<string, string> = new Map();
  /**
   * Layers that are finished but not committed, by each digest under which other ingests look for
   * them.
   */
  readonly offers: Map<Digest, StagedMemory> = new Map();
  #lastCacheId = 0;

  /** A new cache id. */
  nextCacheId(): number {
    return ++this.#lastCacheId;
  }

  /** The layer that a blob was proved to hold. */
  byBlob(digest: Digest): LayerRecord | undefined {
    const diffId = this.proved.get(digest);
    return diffId === undefined ? undefined : this.layers.get(diffId)?.record;
  }

  /**
   * The identity (the SHA-256 diffID) of the layer that `diffId` names. Returns `diffId` itself when
   * it is a SHA-256, or was not proved to name a layer.
   */
  identity(diffId: DiffId): DiffId {
    return this.names.get(diffId) ?? diffId;
  }

  /** The layer of a diffID. */
  layer(diffId: DiffId): MemoryLayer | undefined {
    return this.layers.get(this.identity(diffId));
  }

  /** The layer that a key names. @throws {VarveError} `E_DIFFID` */
  find(key: LayerKey): LayerRecord | undefined {
    return findLayer(key, (id) => this.layer(id)?.record, (digest) => this.byBlob(digest));
  }
}

/** Sorts values by a text key, in the order of SQLite's BINARY collation. */
export function sortedBy<T>(values: Iterable<T>, key: (value: T) => string): T[] {
  return [...values].sort((a, b) => compareText(key(a), key(b)));
}

const encoder = new TextEncoder();

/** Compares two texts by their UTF-8 bytes, as SQLite's BINARY collation does. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const x = encoder.encode(a);
  const y = encoder.encode(b);
  const length = Math.min(x.length, y.length);
  for (let i = 0; i < length; i++) {
    if (x[i] !== y[i]) return (x[i] as number) - (y[i] as number);
  }
  return x.length - y.length;
}

/** Whether the store holds the blob that a key names, or can make it from the layer's tar. */
export function hasBlob(state: MemoryState, key: LayerKey, record: LayerRecord): boolean {
  return key.digest === undefined || state.blobs.has(key.digest) ||
    key.digest === record.diffId;
}
