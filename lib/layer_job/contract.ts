/**
 * The layer job's values: compressed bytes in, a proved layer out, in one pass.
 *
 * compressed digest ∥ inflate → diffID ∥ tar parse → per-file digests →
 * `layer.tar` and `tree` written. Nothing is synced and nothing is renamed
 * here: the store does both when it commits. A job that fails leaves its files
 * as far as they came, closed; who named them removes them.
 *
 * What is outermost is judged first: the size, the digest of the bytes as they
 * came, the compression, the diffID, the archive, its entries. Bytes that were
 * damaged on their way are therefore told as `E_DIGEST` or `E_DIFFID` with the
 * rest as its `cause`, not as whatever the damage happens to look like. A limit
 * that is exceeded, and a failing disk, end the job at once.
 */
import type { Compression } from "../codec/compress/mod.ts";
import type { DiffId, Digest, TreeDigest } from "../digest/mod.ts";
import type { Warning } from "../layer/mod.ts";
import type { LayerRules } from "./rules.ts";

/** Where the compressed bytes come from. */
export type LayerSource =
  /** A run of bytes of a file on this machine: the worker reads it itself. */
  | {
    readonly kind: "file";
    /** The file. */
    readonly path: string;
    /** Where they begin. */
    readonly offset: number;
    /** How many they are; E_TRUNCATED when the file ends before. */
    readonly length: number;
  }
  /** The job's stream. */
  | { readonly kind: "stream" };

/** Where the results go: files inside an ingest directory of the store, or memory. */
export type LayerTarget =
  | {
    readonly kind: "files";
    /** The uncompressed tar; must not exist. */
    readonly tar: string;
    /** The layer tree's file form; must not exist. */
    readonly tree: string;
    /** The compressed bytes as they came, or `null` to keep none. Not written when they are not compressed: then it is the tar. */
    readonly blob: string | null;
    /**
     * How many bytes of `blob` an earlier job left there: they come before those of the source, and
     * all that comes is written behind them. Bytes that are not compressed are written there, too, and
     * then `tar` is not made. Absent: `blob` must not exist.
     */
    readonly kept?: number | undefined;
  }
  | { readonly kind: "memory" };

/** What is to be done and what is expected. */
export interface LayerJobInput extends LayerRules {
  /** Bytes. */
  readonly source: LayerSource;
  /** Results. */
  readonly target: LayerTarget;
  /** What the descriptor says; checked: size while reading (E_SIZE), digest at the end (E_DIGEST). */
  readonly expected: {
    readonly digest?: Digest | undefined;
    readonly size?: number | undefined;
    /** E_DIFFID when it differs. */
    readonly diffId?: DiffId | undefined;
    /** Judged against the magic bytes. */
    readonly mediaType?: string | undefined;
  };
  /** Whether a sync follows: then data is on its way to the disk while the job runs. */
  readonly willSync?: boolean | undefined;
  /** Compressed bytes from which a layer is worth two threads; 4 MiB when absent. */
  readonly halvesFrom?: number | undefined;
  /** Whether to hash each file. True unless a bench says otherwise. */
  readonly fileDigests?: boolean | undefined;
}

/** A layer, proved. */
export interface LayerJobOutput {
  /** Digest of the bytes as they came. */
  readonly digest: Digest;
  /** How many bytes came. */
  readonly size: number;
  /** What the magic bytes said. */
  readonly compression: Compression;
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
  /** Its size in bytes. */
  readonly uncompressedSize: number;
  /** Digest of the layer tree. */
  readonly treeDigest: TreeDigest;
  /** Entries of the layer tree. */
  readonly entries: number;
  /** SHA-256 of the tree's file form, as it was written. */
  readonly treeSum: Digest;
  /** What was dropped or looked odd. */
  readonly warnings: readonly Warning[];
  /** For the memory target: the bytes; the tree in its file form. */
  readonly memory?: {
    readonly tar: Uint8Array;
    readonly tree: Uint8Array;
    readonly blob: Uint8Array | null;
  } | undefined;
}
