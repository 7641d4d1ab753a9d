import type { Digest } from "../../digest/mod.ts";
import type { FinishedLayer, IngestPlan, StagedBlob } from "../staging/staged.ts";

/** A staged blob as a file. */
export interface StagedFile extends StagedBlob {
  /** Where it is now. */
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
  /** Its blob; `null` when the ingest does not keep it. */
  readonly blob: StagedFile | null;
}

/** A finished layer with its cache id: a new one, or that of the damaged layer whose files it replaces. */
export interface NumberedLayer extends StagedFiles {
  readonly cacheId: number;
}

/** What an ingest into a disk store commits. */
export type DiskPlan = IngestPlan<StagedFiles, StagedFile>;
