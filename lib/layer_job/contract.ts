/**
 * Input and output of the layer job: compressed bytes in, a proved layer out, in one pass.
 *
 * The job syncs nothing and renames nothing: the store does both when it commits. When the job
 * fails, it closes its files and does not remove them. The caller, who chose their paths, removes
 * them.
 *
 * Checks run from the outside in: size, digest of the compressed bytes, compression, diffID,
 * archive, entries. Bytes that were damaged in transit therefore fail with `E_DIGEST` or
 * `E_DIFFID`. An error that the damage caused further inside becomes the `cause`. A limit that is
 * exceeded, or a disk that fails, ends the job at once.
 */
import type { Compression } from "../codec/compress/mod.ts";
import type { DiffId, Digest, TreeDigest } from "../digest/mod.ts";
import type { BeyondRatio, Warning } from "../layer/mod.ts";
import type { LayerRules } from "./rules.ts";

/** Where the compressed bytes come from. */
export type LayerSource =
  /** A part of a local file, which the worker reads itself. */
  | {
    readonly kind: "file";
    /** Path of the file. */
    readonly path: string;
    /** Position of the first byte. */
    readonly offset: number;
    /** Number of bytes; `E_TRUNCATED` when the file is shorter. */
    readonly length: number;
  }
  /** The stream that is given to the job. */
  | { readonly kind: "stream" };

/** Where the results go: to files in an ingest directory of the store, or to memory. */
export type LayerTarget =
  | {
    readonly kind: "files";
    /** Path of the uncompressed tar; it must not exist. */
    readonly tar: string;
    /** Path of the encoded layer tree; it must not exist. */
    readonly tree: string;
    /**
     * Path of the compressed bytes, or `null` to keep none. It is not written for a layer without
     * compression, whose tar is the blob.
     */
    readonly blob: string | null;
    /**
     * Number of bytes that an earlier job left in the file `blob`. They are the beginning of the
     * layer. The source has the rest of the layer, which is appended to `blob`. If the layer has no
     * compression, only `blob` is written, and no file `tar` is made. When `kept` is absent, `blob`
     * must not exist.
     */
    readonly kept?: number | undefined;
  }
  | { readonly kind: "memory" };

/** Input of the layer job. */
export interface LayerJobInput extends LayerRules {
  /** Where the compressed bytes come from. */
  readonly source: LayerSource;
  /** Where the results go. */
  readonly target: LayerTarget;
  /** The expected digests, size and media type of the layer. An absent field is not checked. */
  readonly expected: {
    /** Digest of the compressed bytes; checked at the end (`E_DIGEST`). */
    readonly digest?: Digest | undefined;
    /** Number of compressed bytes; checked while they are read (`E_SIZE`). */
    readonly size?: number | undefined;
    /** Digest of the uncompressed tar, SHA-256 or SHA-512; checked at the end (`E_DIFFID`). */
    readonly diffId?: DiffId | undefined;
    /** Media type of the descriptor; compared with the magic bytes (`E_MEDIA_TYPE`). */
    readonly mediaType?: string | undefined;
  };
  /**
   * Size in bytes of the compressed archive in which the layer lies; absent when it lies in none. A
   * layer may be plain there, or compressed twice: its ratios are judged by the smaller size.
   */
  readonly carriedIn?: number | undefined;
  /**
   * Whether the caller syncs the files soon. The kernel is then asked to write them back while the
   * job runs.
   */
  readonly willSync?: boolean | undefined;
  /** Compressed size in bytes from which the job runs on two threads; 4 MiB when absent. */
  readonly halvesFrom?: number | undefined;
  /** Whether to hash each file; true when absent. Only benches turn it off. */
  readonly fileDigests?: boolean | undefined;
}

/** A layer whose digests are proved: computed from its bytes, and equal to any expected ones. */
export interface LayerJobOutput {
  /** Digest of the compressed bytes. */
  readonly digest: Digest;
  /** Number of compressed bytes. */
  readonly size: number;
  /** Compression, as detected from the magic bytes. */
  readonly compression: Compression;
  /** SHA-256 of the uncompressed tar: the identity of the layer. */
  readonly diffId: DiffId;
  /** The expected diffID if it is a SHA-512 digest. It was verified too. */
  readonly otherDiffId?: DiffId | undefined;
  /** Size of the uncompressed tar in bytes. */
  readonly uncompressedSize: number;
  /** Digest of the layer tree. */
  readonly treeDigest: TreeDigest;
  /** Number of entries of the layer tree. */
  readonly entries: number;
  /** SHA-256 of the encoded layer tree, as it was written. */
  readonly treeSum: Digest;
  /** Warnings about parts of the layer that were left out or are unusual. */
  readonly warnings: readonly Warning[];
  /** What the layer has beyond the ratios to its compressed size. */
  readonly beyondRatio?: BeyondRatio | undefined;
  /** The bytes of the results, when the target is memory. */
  readonly memory?: {
    /** The uncompressed tar, in pieces. */
    readonly tar: readonly Uint8Array<ArrayBuffer>[];
    /** The encoded layer tree. */
    readonly tree: Uint8Array<ArrayBuffer>;
    /** The compressed bytes, in pieces; `null` for a layer without compression. */
    readonly blob: readonly Uint8Array<ArrayBuffer>[] | null;
  } | undefined;
}
