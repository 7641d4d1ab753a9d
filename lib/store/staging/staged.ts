import type { DiffId, Digest, TreeDigest } from "../../digest/mod.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import type { LayerRecord } from "../records.ts";
import type { NamedTarget } from "../rules.ts";

/** A blob that an ingest has verified and staged. Each kind of store adds where its bytes are. */
export interface StagedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** A layer that an ingest has finished. Each kind of store adds where its tar, tree and blob are. */
export interface FinishedLayer {
  readonly diffId: DiffId;
  /** The expected diffID if it is not a SHA-256 digest. It was verified too. */
  readonly otherDiffId?: DiffId | undefined;
  /** Digest of the blob that was proved to hold the layer. */
  readonly digest: Digest;
  /** Size of the tar in bytes. */
  readonly size: number;
  readonly treeDigest: TreeDigest;
  /** Number of entries of the layer tree. */
  readonly entries: number;
  /** Whether the padding behind some file has bytes other than zeros, or is cut. */
  readonly dirtyPadding: boolean;
}

/** The plan that an ingest commits. */
export interface IngestPlan<Layer extends FinishedLayer, Blob extends StagedBlob> {
  /** Layers that this ingest made, or took from another ingest that had finished them. */
  readonly layers: readonly Layer[];
  readonly blobs: readonly Blob[];
  /** Layers whose tar becomes a blob too. */
  readonly plain: ReadonlySet<DiffId>;
  /** All layers that the ingest asked for: the result of the commit lists their records. */
  readonly asked: ReadonlySet<DiffId>;
  readonly images: readonly NamedTarget[];
  /** The layers of each chain, lowest first. */
  readonly chains: readonly (readonly DiffId[])[];
}

/** The part of a job's output that describes the layer. */
export function finishedLayer(output: LayerJobOutput): FinishedLayer {
  const { diffId, otherDiffId, digest, treeDigest, entries, warnings } = output;
  const dirtyPadding = warnings.some(({ code }) =>
    code === "W_PADDING" || code === "W_CUT_PADDING"
  );
  const size = output.uncompressedSize;
  return { diffId, otherDiffId, digest, size, treeDigest, entries, dirtyPadding };
}

/** The record of a layer that is finished but not committed, so it has no cache id yet. */
export function provisionalRecord(layer: FinishedLayer): LayerRecord {
  const { diffId, size, treeDigest, entries, dirtyPadding } = layer;
  return { diffId, size, cacheId: 0, treeDigest, entries, dirtyPadding, verifiedAt: Date.now() };
}
