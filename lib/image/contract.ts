/**
 * Where images come from, and where they go.
 *
 *     archive · registry · snapshot · tar ── ImageSource ──▶ ImageIngest ──▶ store
 *     store · registry ──▶ ImagePlan ── ImageSink ──▶ registry · archive · layout
 *
 * An {@linkcode ImageSource} gives the least it can, and the ingest does the rest. A source either has
 * documents by digest (a registry, an OCI layout): then it names a target, and the ingest reads manifests
 * and configs and brings the layers that they name. Or it makes an image (a docker-archive, a commit, an
 * append): then it brings the layers itself and gives a config, and the ingest writes the manifest.
 *
 * The content of a layer is what a pool job takes: a run of a file, a stream, or a job of the source's own,
 * which fetches or scans inside the worker. A layer may come before the documents that name it (standard
 * input), and may have no known digest yet.
 *
 * An {@linkcode ImageSink} takes an {@linkcode ImagePlan}, which lists all parts of an image, each once.
 */
import type { Compression } from "../codec/compress/mod.ts";
import type { DiffId, Digest } from "../digest/mod.ts";
import type { Warning } from "../layer/mod.ts";
import type { LayerJobOutput } from "../layer_job/mod.ts";
import type { LayerJobInput, LayerSource } from "../layer_job/internal.ts";
import type { Descriptor, ImageConfig, Index, OciLimits, Platform } from "../oci/mod.ts";
import type { JobProgress, Pool } from "../pool/mod.ts";
import type { Ingest, StagedLayer, Store, StoredImage } from "../store/mod.ts";
import type { ImagePlan } from "./plan.ts";

/** Gives images. */
export interface ImageSource {
  /** What the user called it, for messages. */
  readonly label: string;
  /**
   * The images that it gives. Called once, before anything else is asked. A source that comes in one pass
   * is read to its end here: it hands layers to `ingest.layers` as they come.
   */
  images(ingest: ImageIngest): Promise<readonly SourceImage[]>;
}

/** An image of a source. */
export type SourceImage = DescribedImage | MadeImage;

/** An image whose documents a source has by digest. */
export interface DescribedImage {
  readonly kind: "described";
  /** Full names; none for an image without a name. */
  readonly names: readonly string[];
  /** The manifest or index. */
  readonly target: Descriptor;
  /** Gives the documents and the layers. */
  readonly documents: DocumentSource;
}

/** An image whose manifest the ingest writes. */
export interface MadeImage {
  readonly kind: "made";
  /** Full names, given the manifest's digest; none for an image without a name. */
  names(manifest: Digest): readonly string[];
  readonly config: ImageConfig;
  /** Lowest first; what {@linkcode ImageIngest.layers} gave. */
  readonly layers: readonly IngestedLayer[];
  /** Annotations of the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What a document is for: it decides which limit holds. */
export type DocumentRole = "index" | "manifest" | "config";

/** Documents and layers by digest. */
export interface DocumentSource {
  /**
   * The bytes of a document, not yet proved; `undefined` where the source does not hold it, as the
   * platforms of an index may be absent.
   *
   * @throws {VarveError} `E_LIMIT` when it is larger than the limit of its role
   */
  document(target: Descriptor, role: DocumentRole): Promise<Uint8Array | undefined>;
  /** The content of a layer. @throws {VarveError} `E_MISSING` when the source does not hold it */
  layer(wanted: WantedLayer): Promise<LayerContent>;
  /** The children of an index that are wanted. `depth` is 0 for the target. @throws {VarveError} `E_PLATFORM` when none fits */
  children(index: Index, depth: number): readonly Descriptor[];
  /** Judges the config of a manifest before its layers are brought. @throws {VarveError} `E_PLATFORM` */
  accept(config: ImageConfig, depth: number): void;
  /** The content of a part of an attestation or artifact, which is kept as a blob; `undefined` where the source does not hold it, or the ingest has it. */
  part?(part: Descriptor): Promise<BlobContent | undefined>;
}

/** What is known of a layer before it is made. */
export interface WantedLayer {
  /** What people call it, for messages: its digest, or its name in an archive. */
  readonly label: string;
  /** Digest of the uncompressed tar. */
  readonly diffId?: DiffId | undefined;
  /** Digest of the blob. */
  readonly digest?: Digest | undefined;
  /** Size of the blob in bytes. */
  readonly size?: number | undefined;
  readonly mediaType?: string | undefined;
  /** What its magic bytes say, for where no document tells its media type. */
  readonly compression?: Compression | undefined;
}

/** A run of a file of this machine, which a worker reads itself. */
export type FileRun = Extract<LayerSource, { kind: "file" }>;

/** Bytes that pass through the caller's thread. */
export interface StreamContent {
  readonly kind: "stream";
  /** How many they are; 0 where nobody knows. */
  readonly size: number;
  /** Whether they are proved also where the store holds the layer: what came in one pass is never passed over. */
  readonly prove?: boolean | undefined;
  /** Opens them. Called once, or twice where the layer's digest is not known. */
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** A job of the source's own that makes the layer. */
export interface JobContent {
  readonly kind: "job";
  /** Bytes of the blob; 0 where nobody knows. */
  readonly size: number;
  /** Whether the store keeps the bytes of an attempt that failed, so that the next one continues behind them. */
  readonly keep?: boolean | undefined;
  /** Makes the layer; `null` where there is nothing to make one of. */
  run(work: LayerWork): Promise<LayerJobOutput | null>;
  /** What to try after bad data, where other bytes may be right; `kept` says how many bytes of an earlier attempt were used. */
  fallback?(kept: number): JobContent | undefined;
}

/** What a {@linkcode JobContent} works with. */
export interface LayerWork {
  /** Input of the layer job; its source is the job's stream. */
  readonly input: LayerJobInput;
  /** Bytes of the blob that the target holds already. */
  readonly kept: number;
  readonly signal: AbortSignal;
  onProgress(progress: JobProgress): void;
}

/** A layer that came in a stream, and was made before a document named it. */
export interface EarlyLayer {
  readonly kind: "early";
  readonly staged: StagedLayer;
  readonly output: LayerJobOutput;
}

/** A blob that came in a stream, was hashed, and is that of a layer which the store holds. */
export interface PassedBlob {
  readonly kind: "passed";
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  readonly compression: Compression;
}

/** Content whose bytes can be read. */
export type BlobContent = FileRun | StreamContent | EarlyLayer;

/** Where the bytes of a layer come from. */
export type LayerContent = BlobContent | JobContent | PassedBlob;

/** A layer that is staged, or that the store holds. */
export interface IngestedLayer {
  /** Digest of the blob, as the manifest names it. */
  readonly digest: Digest;
  /** Size of the blob in bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
  /** Size of the uncompressed tar in bytes. */
  readonly uncompressedSize: number;
  /** Whether its bytes were processed now; false when the store held it, verified. */
  readonly processed: boolean;
  /** What was dropped or looked odd. */
  readonly warnings: readonly Warning[];
}

/** A manifest of an image, with its layers staged. */
export interface StagedManifest {
  /** Digest of the config. */
  readonly imageId: Digest;
  /** What it runs on. */
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly IngestedLayer[];
}

/** An image whose every part is staged. */
export interface StagedImage {
  /** Full names; none for an image without a name. */
  readonly names: readonly string[];
  /** The manifest or index. */
  readonly target: Descriptor;
  /** Its manifests that the source holds; at least one. */
  readonly manifests: readonly StagedManifest[];
}

/** Brings the layers of images into one ingest of a store. */
export interface LayerIngest {
  /** Layers of one image that are worth beginning at once. */
  readonly atOnce: number;
  /**
   * Brings a layer that a document names. The same layer is made once, however often it is named.
   *
   * @throws {VarveError} `E_DIGEST`, `E_SIZE`, `E_DIFFID` when the content is not what the document says, and what the layer job throws
   */
  bring(wanted: WantedLayer, content: LayerContent, signal?: AbortSignal): Promise<IngestedLayer>;
  /** Makes a layer that no document names yet; `null` where a job finds nothing to make one of. @throws {VarveError} what the layer job throws */
  create(
    label: string,
    content: FileRun | StreamContent | JobContent,
  ): Promise<IngestedLayer | null>;
  /**
   * Makes a layer of a stream before a document names it. The blob of a layer that the store holds is
   * only hashed.
   *
   * @param claimed the digest that its name in the archive gives
   */
  early(label: string, bytes: AsyncIterable<Uint8Array>, claimed: {
    readonly size: number;
    readonly digest?: Digest | undefined;
    readonly compression: Compression;
  }): Promise<EarlyLayer | PassedBlob>;
  /** Takes layers that the store holds. @throws {VarveError} `E_DAMAGE` when one is not whole */
  take(layers: StoredImage["layers"]): Promise<IngestedLayer[]>;
}

/** What a source brings its images into. All of them become visible at once, or none does. */
export interface ImageIngest {
  readonly store: Store;
  /** The store's ingest, for blobs. */
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly layers: LayerIngest;
  /** What documents may hold. */
  readonly limits: OciLimits;
  /** Aborts when the caller gives up. */
  readonly signal: AbortSignal;
  /** Tells the user what was left out or looks odd. */
  warn(message: string): void;
}

/** Blobs of planned images. */
export interface BlobSource {
  /** Opens a blob from a byte on; the stream fails when the bytes are not the blob's. */
  open(blob: Descriptor, from: number, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** Takes images out. */
export interface ImageSink<Result> {
  /** Takes all parts of a plan, in an order in which nobody sees an image that is not whole. */
  send(plan: ImagePlan, blobs: BlobSource): Promise<Result>;
}
