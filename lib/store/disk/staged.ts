import type { DiffId, Digest, TreeDigest } from "../../digest/mod.ts";
import type { LayerRecord } from "../contract.ts";

/** A blob that an ingest has staged. */
export interface StagedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  /** Where it is now. */
  readonly path: string;
}

/** A layer that an ingest has staged, finished. */
export interface StagedFiles {
  readonly diffId: DiffId;
  /** The blob that was proved to hold it. */
  readonly digest: Digest;
  readonly size: number;
  readonly treeDigest: TreeDigest;
  readonly treeSize: number;
  readonly treeSum: Digest;
  readonly entries: number;
  readonly dirtyPadding: boolean;
  /** Its directory, with `layer.tar`, `tree` and perhaps `blob`. */
  readonly directory: string;
  /** The blob, where it is kept. */
  readonly blob: StagedBlob | null;
}

/** The record of a layer that is not committed yet. */
export function provisional(staged: StagedFiles): LayerRecord {
  const { diffId, size, treeDigest, entries, dirtyPadding } = staged;
  return { diffId, size, cacheId: 0, treeDigest, entries, dirtyPadding, verifiedAt: Date.now() };
}

/** A staged layer with its cache id: a new one, or that of the damaged layer that it replaces. */
export interface NumberedLayer extends StagedFiles {
  readonly cacheId: number;
}
