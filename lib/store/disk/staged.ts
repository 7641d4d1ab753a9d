import type { DiffId, Digest } from "../../digest/mod.ts";
import type { FinishedLayer, IngestPlan, StagedBlob } from "../staging/staged.ts";

/** A staged blob as a file. */
export interface StagedFile extends StagedBlob {
  /** Current path of the file. */
  readonly path: string;
}

/** A finished layer as a directory of an ingest, with `layer.tar`, `tree` and perhaps `blob`. */
export interface StagedFiles extends FinishedLayer {
  /** Size of `tree` in bytes. */
  readonly treeSize: number;
  /** SHA-256 of `tree`. */
  readonly treeSum: Digest;
  /** Path of the directory. */
  readonly directory: string;
  /** The blob of the layer; `null` when the ingest does not keep it. */
  readonly blob: StagedFile | null;
}

/**
 * A finished layer with its cache id. The cache id is new, or it is the id of the damaged layer
 * whose files this layer replaces.
 */
export interface NumberedLayer extends StagedFiles {
  readonly cacheId: number;
}

/** A new marker of a layer that the store holds. */
export interface StagedMarker {
  /** Current path of the file. */
  readonly path: string;
  readonly diffId: DiffId;
  readonly cacheId: number;
}

/** The plan that an ingest into a disk store commits. */
export type DiskPlan = IngestPlan<StagedFiles, StagedFile>;
