/**
 * The model of moving images: sources bring them into a store, and sinks take them out.
 *
 *     archive · registry · snapshot · tar ── ImageSource ──▶ ImageIngest ──▶ store
 *     store · registry · archive ──▶ ImagePlan ── ImageSink ──▶ registry · archive · layout
 *
 * **In.** A source provides as little as possible, and the ingest does the rest. There are two kinds of images:
 *
 * - {@linkcode DescribedImage}: the source provides documents by digest, as a registry or an OCI layout does. It says
 *   which document is the target: a manifest or an index. The ingest reads the manifests and configs, and ingests the
 *   layers that they name.
 * - {@linkcode MadeImage}: the source makes the image, as a docker-archive, a commit or an append does. It ingests
 *   the layers itself and provides a config. The ingest writes the manifest.
 *
 * **Layers.** {@linkcode LayerContent} says where the bytes of a layer come from: a range of a file, a stream, or a
 * job of the source that downloads or scans inside the worker. A layer can arrive before the documents that name it,
 * as on standard input, and its digest can be unknown at first. The ingest verifies every byte.
 *
 * **Visibility.** Everything is staged in one {@linkcode Ingest} of the store. Its commit makes all images visible
 * together. Without the commit, no image becomes visible.
 *
 * **Out.** An {@linkcode ImagePlan} lists all parts of an image, each once. An {@linkcode ImageSink} sends them. A copy
 * plans an image from where it is. It enters a store as the source that `plannedSource` makes of the plan.
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

/** Provides images, for example from an archive or a registry. */
export interface ImageSource {
  /** Name of the source for messages, as the user typed it. */
  readonly label: string;
  /**
   * Lists the images. Called once, before any other method of the source. A source that can be read only once, such
   * as standard input, reads to its end here and passes each layer to `ingest.layers` as it arrives.
   */
  images(ingest: ImageIngest): Promise<readonly SourceImage[]>;
}

/** An image that a source provides. */
export type SourceImage = DescribedImage | MadeImage;

/** An image whose documents the source provides by digest. Its manifest exists already. */
export interface DescribedImage {
  readonly kind: "described";
  /** Full names; empty for an image without a name. */
  readonly names: readonly string[];
  /** Descriptor of the manifest or index. */
  readonly target: Descriptor;
  /** Provides the documents and the layers. */
  readonly documents: DocumentSource;
}

/** An image whose manifest the ingest writes. */
export interface MadeImage {
  readonly kind: "made";
  /** Returns the full names, which may contain the digest of the new manifest. Empty for an image without a name. */
  names(manifest: Digest): readonly string[];
  readonly config: ImageConfig;
  /** The layers that {@linkcode ImageIngest.layers} returned, lowest first. */
  readonly layers: readonly IngestedLayer[];
  /** Annotations for the new manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Kind of a document. It decides which size limit applies. */
export type DocumentRole = "index" | "manifest" | "config";

/** Provides documents and layers by digest. */
export interface DocumentSource {
  /**
   * The bytes of a document, not verified yet; `undefined` when the source does not have it. A source may
   * lack some platforms of an index.
   *
   * @throws {VarveError} `E_LIMIT` when it is larger than the limit of its role
   */
  document(target: Descriptor, role: DocumentRole): Promise<Uint8Array | undefined>;
  /** The content of a layer. @throws {VarveError} `E_MISSING` when the source does not have it */
  layer(wanted: WantedLayer): Promise<LayerContent>;
  /**
   * Returns those children of an index that are to be ingested. `depth` is 0 for an index that is the target itself.
   *
   * @throws {VarveError} `E_PLATFORM` when no child fits
   */
  children(index: Index, depth: number): readonly Descriptor[];
  /**
   * Checks the config of a manifest before its layers are ingested.
   *
   * @throws {VarveError} `E_PLATFORM` when the config is for another platform
   */
  accept(config: ImageConfig, depth: number): void;
  /**
   * The content of a part of an attestation or artifact. The ingest stores the part as a blob. `undefined` when the
   * source does not have the part, or the ingest has it already.
   */
  part?(part: Descriptor): Promise<BlobContent | undefined>;
}

/** What is known about a layer before it is made. */
export interface WantedLayer {
  /** Name of the layer for messages: its digest, or its name in an archive. */
  readonly label: string;
  /** Digest of the uncompressed tar. */
  readonly diffId?: DiffId | undefined;
  /** Digest of the blob, compressed or not. */
  readonly digest?: Digest | undefined;
  /** Size of the blob in bytes. */
  readonly size?: number | undefined;
  readonly mediaType?: string | undefined;
  /** Compression according to the magic bytes. Used when no document gives the media type. */
  readonly compression?: Compression | undefined;
}

/** A range of a file on this machine, which the worker reads itself. */
export type FileRun = Extract<LayerSource, { kind: "file" }>;

/** A stream of bytes, which passes through the caller's thread. */
export interface StreamContent {
  readonly kind: "stream";
  /** Size in bytes; 0 when unknown. */
  readonly size: number;
  /** Whether to verify the bytes even if the store has the layer already. Set when the source can be read only once. */
  readonly alwaysVerify?: boolean | undefined;
  /** Opens the stream. Called at most twice: if the digest of the blob is unknown, a first pass may hash the bytes. */
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** A job of the source that makes the layer, for example one that downloads it inside the worker. */
export interface JobContent {
  readonly kind: "job";
  /** Size of the blob in bytes; 0 when unknown. */
  readonly size: number;
  /** Whether the store keeps the bytes of a failed attempt, so that the next attempt continues after them. */
  readonly keep?: boolean | undefined;
  /** Makes the layer; `null` when there are no changes, and so no layer. */
  run(work: LayerWork): Promise<LayerJobOutput | null>;
  /**
   * The content to try after bad data; `undefined` when nothing is left to try. `kept` is the number of bytes that the
   * failed attempt took over from an earlier attempt.
   */
  fallback?(kept: number): JobContent | undefined;
}

/** What {@linkcode JobContent.run} gets. */
export interface LayerWork {
  /**
   * Input for the layer job. Its `source` is `{ kind: "stream" }`, because the job that {@linkcode JobContent.run}
   * starts provides the bytes.
   */
  readonly input: LayerJobInput;
  /**
   * Number of bytes of the blob that an earlier attempt kept. They are in `input.target` already; the job continues
   * after them.
   */
  readonly kept: number;
  readonly signal: AbortSignal;
  onProgress(progress: JobProgress): void;
}

/** A layer that was made from a stream before any document named it. */
export interface EarlyLayer {
  readonly kind: "early";
  readonly staged: StagedLayer;
  readonly output: LayerJobOutput;
}

/**
 * A blob that arrived in a stream. The store has its layer already, so the blob was hashed, but no layer was made from
 * it.
 */
export interface KnownBlob {
  readonly kind: "known";
  readonly digest: Digest;
  /** Size of the blob in bytes. */
  readonly size: number;
  readonly compression: Compression;
}

/** Content whose bytes can be read on this thread. */
export type BlobContent = FileRun | StreamContent | EarlyLayer;

/** Where the bytes of a layer come from. */
export type LayerContent = BlobContent | JobContent | KnownBlob;

/** A layer that is staged in the ingest, or that the store has already. */
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
  /** Whether the layer was made from its bytes now; false when the store had the verified layer already. */
  readonly processed: boolean;
  /** What was left out of the layer or is unusual in it. */
  readonly warnings: readonly Warning[];
}

/** A manifest of an image whose layers are staged. */
export interface StagedManifest {
  /** Digest of the config. */
  readonly imageId: Digest;
  /** The platform that the image runs on, according to its config. */
  readonly platform: Platform;
  /** The layers, lowest first. */
  readonly layers: readonly IngestedLayer[];
}

/** An image whose parts are all staged. */
export interface StagedImage {
  /** Full names; empty for an image without a name. */
  readonly names: readonly string[];
  /** Descriptor of the manifest or index. */
  readonly target: Descriptor;
  /** The manifests that the source has; at least one. */
  readonly manifests: readonly StagedManifest[];
}

/** Stages the layers of images in one ingest of a store. */
export interface LayerIngest {
  /** Number of layers of one image to work on at the same time. */
  readonly atOnce: number;
  /** Reports the layers of an image as waiting, before the first of them is staged. */
  announce(layers: readonly WantedLayer[]): void;
  /**
   * Stages a layer that a document names. A layer that is named several times is made once.
   *
   * @throws {VarveError} `E_DIGEST`, `E_SIZE`, `E_DIFFID` when the content does not match the document · all errors of
   * the layer job
   */
  bring(wanted: WantedLayer, content: LayerContent, signal?: AbortSignal): Promise<IngestedLayer>;
  /**
   * Makes a layer that no document names yet; `null` when the job found no change.
   *
   * @throws {VarveError} what the layer job throws
   */
  create(
    label: string,
    content: FileRun | StreamContent | JobContent,
  ): Promise<IngestedLayer | null>;
  /**
   * Makes a layer from a stream before a document names it. If the store has the layer already, the blob is only
   * hashed.
   *
   * @param claimed size and compression of the blob, the digest that its file name in the archive contains, if any, and
   *   the size of the compressed archive that it lies in
   */
  early(label: string, bytes: AsyncIterable<Uint8Array>, claimed: {
    readonly size: number;
    readonly digest?: Digest | undefined;
    readonly compression: Compression;
    readonly carriedIn?: number | undefined;
  }): Promise<EarlyLayer | KnownBlob>;
  /**
   * Checks the number of entries of all early layers together. The limit depends on the size of the compressed archive
   * that they came in, `carriedIn` bytes.
   *
   * @throws {VarveError} `E_LIMIT` when they have too many entries for an archive of this size
   */
  judgeEarly(carriedIn: number): void;
  /**
   * Stages layers that the store has, and protects them from removal.
   *
   * @throws {VarveError} `E_DAMAGE` when a layer is incomplete
   */
  take(layers: StoredImage["layers"]): Promise<IngestedLayer[]>;
}

/** Where a source puts its images. All images become visible together, or not at all. */
export interface ImageIngest {
  readonly store: Store;
  /** The ingest of the store, which stages blobs. */
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly layers: LayerIngest;
  /** Limits for documents. */
  readonly limits: OciLimits;
  /** Aborted when the caller cancels. */
  readonly signal: AbortSignal;
  /** Warns the user about something that was left out or is unusual. */
  warn(message: string): void;
}

/** Provides the blobs of a plan. */
export interface BlobSource {
  /** Opens a blob at byte `from`. The stream fails at its end when the bytes do not match the digest of the blob. */
  open(blob: Descriptor, from: number, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** Writes images somewhere, for example to a registry or an archive. */
export interface ImageSink<Result> {
  /** Sends all parts of a plan, in an order that never shows an incomplete image. */
  send(plan: ImagePlan, blobs: BlobSource): Promise<Result>;
}
