import { checkMediaType, type Compression, type CompressLimits } from "../codec/compress/mod.ts";
import type { TarLimits } from "../codec/tar/mod.ts";
import {
  algorithmOf,
  createHasher,
  type DiffId,
  type Digest,
  equalDigests,
  isDigest,
} from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { rangeChunks } from "../image/internal.ts";
import type { LoadProgress } from "../image/mod.ts";
import type { LayerLimits, LayerPolicy, Warning } from "../layer/mod.ts";
import { layerJob, type LayerSource } from "../layer_job/internal.ts";
import type { InflaterName, LayerJobOutput } from "../layer_job/mod.ts";
import { layerMediaType } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { Ingest, LayerRecord, StagedLayer, Store } from "../store/mod.ts";
import type { FileAt } from "./files.ts";

/** What a document says of a layer. */
export interface WantedLayer {
  /** What the layer is called, for people. */
  readonly label: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
  /** The blob, as far as it is known. */
  readonly digest?: Digest | undefined;
  readonly size?: number | undefined;
  readonly mediaType?: string | undefined;
  /** What its magic bytes said, for where no document tells its media type. */
  readonly compression?: Compression | undefined;
}

/** A layer that is staged or here. */
export interface StagedResult {
  /** The blob's digest, size and media type: what a manifest says of it. */
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  readonly diffId: DiffId;
  readonly uncompressedSize: number;
  /** Whether bytes were processed, or the store held it. */
  readonly processed: boolean;
  readonly warnings: readonly Warning[];
}

/** What a stager works with. */
export interface StagerOptions {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly policy?: Partial<LayerPolicy> | undefined;
  readonly limits?: Partial<LayerLimits> | undefined;
  readonly streamLimits?: Partial<TarLimits & CompressLimits> | undefined;
  readonly inflater?: InflaterName | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** Brings layers into an ingest, each once, through the pool. */
export class Stager {
  readonly #options: StagerOptions;
  readonly #made = new Map<string, Promise<StagedResult>>();
  /** Layers of a stream that no document named yet. */
  readonly #unclaimed = new Set<StagedLayer>();

  constructor(options: StagerOptions) {
    this.#options = options;
  }

  /** Layers of one image that are worth to be begun at once: the pool's, and the next ones waiting. */
  get atOnce(): number {
    return this.#options.pool.size + 2;
  }

  /** A layer whose bytes are a run of a file. The same one is made once, whoever asks. */
  layerFromRange(
    wanted: WantedLayer,
    source: Extract<LayerSource, { kind: "file" }>,
  ): Promise<StagedResult> {
    const key = `${wanted.digest ?? ""} ${wanted.diffId} ${source.path} ${source.offset}`;
    let made = this.#made.get(key);
    if (made === undefined) {
      made = this.#layerFromRange(wanted, source);
      this.#made.set(key, made);
    }
    return made;
  }

  async #layerFromRange(
    wanted: WantedLayer,
    source: Extract<LayerSource, { kind: "file" }>,
  ): Promise<StagedResult> {
    const { ingest, signal } = this.#options;
    const { diffId, digest } = wanted;
    const begun = await ingest.layer(
      { diffId, digest },
      { blob: true, signal },
    );
    if (begun.state === "new") {
      return await this.#run(wanted, begun.staged, source, source.length);
    }
    if (digest !== undefined) return this.present(wanted, begun.record, source.length);
    // The layer is here, but which blob of it this one is only its bytes tell.
    const found = await digestOf(rangeChunks(source.path, source.offset, source.length), signal);
    return await this.#layerFromRange({ ...wanted, digest: found }, source);
  }

  /** A small layer that came by in a stream and did not look like one. */
  async layerFromBytes(wanted: WantedLayer, bytes: Uint8Array): Promise<StagedResult> {
    const staged = await this.#options.ingest.newLayer();
    const stream = (async function* () {
      yield await Promise.resolve(bytes);
    })();
    return await this.#run(wanted, staged, { kind: "stream" }, bytes.length, stream);
  }

  /** What is said of a layer that the store holds, verified. @throws {VarveError} `E_SIZE` when the document lies about the blob's size */
  present(wanted: WantedLayer, record: LayerRecord, blobSize: number): StagedResult {
    const digest = wanted.digest ?? record.diffId;
    const size = this.#options.store.blobs.stat(digest)?.size ??
      (digest === record.diffId ? record.size : blobSize);
    const claims = [wanted.size, blobSize].filter((claim) => claim !== undefined);
    for (const claim of claims) {
      if (claim !== size) {
        throw new VarveError(
          "E_SIZE",
          `Cannot load layer ${wanted.label}: it has ${claim} bytes, the verified blob ${size}`,
          { expected: size, actual: claim, subject: wanted.label },
        );
      }
    }
    this.#progress({
      layer: shownOf(wanted),
      total: size,
      read: size,
      written: record.size,
      state: "present",
    });
    return {
      digest,
      size,
      mediaType: wanted.mediaType ?? layerMediaType(wanted.compression ?? "none"),
      diffId: record.diffId,
      uncompressedSize: record.size,
      processed: false,
      warnings: [],
    };
  }

  /** A layer whose blob came by in a stream and was found to be one that the store holds. */
  async presentBlob(
    wanted: WantedLayer,
    { digest, size, compression }: Extract<FileAt, { kind: "known" }>,
  ): Promise<StagedResult> {
    check("E_DIGEST", wanted.label, "digest", wanted.digest, digest);
    mediaWarnings(wanted, compression);
    const begun = await this.#options.ingest.layer({ diffId: wanted.diffId, digest });
    if (begun.state === "present") {
      return this.present({ ...wanted, digest, compression }, begun.record, size);
    }
    // Removed by another process since: its bytes have gone by.
    await begun.staged.discard();
    throw new VarveError("E_BUSY", `Cannot load layer ${wanted.label}: it was removed meanwhile`);
  }

  /** Gives up what came by in a stream and no document named. */
  async discardLeftovers(): Promise<void> {
    const leftovers = [...this.#unclaimed];
    this.#unclaimed.clear();
    await Promise.all(leftovers.map((staged) => staged.discard()));
  }

  async #run(
    wanted: WantedLayer,
    staged: StagedLayer,
    source: LayerSource,
    total: number,
    stream?: AsyncIterable<Uint8Array>,
  ): Promise<StagedResult> {
    try {
      const output = await this.#job(wanted, staged, source, total, stream);
      const mediaType = wanted.mediaType ?? layerMediaType(output.compression);
      await staged.finish(output, mediaType);
      return resultOf(output, mediaType);
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  async #job(
    wanted: Partial<WantedLayer> & { readonly label: string },
    staged: StagedLayer,
    source: LayerSource,
    total: number,
    stream?: AsyncIterable<Uint8Array>,
  ): Promise<LayerJobOutput> {
    const { store, pool, policy, limits, streamLimits, inflater, signal } = this.#options;
    const { digest, size, diffId, mediaType } = wanted;
    const layer = shownOf(wanted);
    this.#progress({ layer, total, read: 0, written: 0, state: "begin" });
    const output = await pool.run(layerJob, {
      source,
      target: staged.target,
      expected: {
        // Without a descriptor only the diffID was promised, though the digest follows from it.
        ...(digest === undefined || (mediaType === undefined && digest === diffId)
          ? {}
          : { digest }),
        size,
        diffId,
        mediaType,
      },
      policy,
      limits,
      streamLimits,
      inflater,
      willSync: store.durability === "full",
    }, {
      onProgress: (at) => this.#progress({ layer, total, ...at, state: "running" }),
      signal,
      stream,
    });
    const { size: read, uncompressedSize: written } = output;
    this.#progress({ layer, total, read, written, state: "done" });
    return output;
  }

  /** A layer that comes by in a stream, before it is known whose it is. Its name may be its digest. */
  async layerFromStream(
    name: string,
    size: number,
    compression: Compression,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<FileAt> {
    const { ingest, store } = this.#options;
    const digest = digestOfName(name);
    if (digest !== undefined && (store.blobs.stat(digest)?.verifiedAt ?? 0) > 0) {
      const known = store.layers.byBlob(digest);
      if (known !== undefined && known.verifiedAt > 0) {
        await verify(name, digest, bytes);
        return { kind: "known", digest, size, compression };
      }
    }
    const staged = await ingest.newLayer();
    try {
      const expected = { label: name, size, digest };
      const output = await this.#job(expected, staged, { kind: "stream" }, size, bytes);
      this.#unclaimed.add(staged);
      return { kind: "staged", staged, output };
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /** A large file of a stream that is no layer. */
  async blobFromStream(name: string, bytes: AsyncIterable<Uint8Array>): Promise<FileAt> {
    const digest = digestOfName(name);
    const { digest: actual, size } = await this.#options.ingest.blobStream(bytes, "");
    if (digest !== undefined && !equalDigests(digest, actual)) {
      throw wrongDigest(name, digest, actual);
    }
    return { kind: "blob", digest: actual, size };
  }

  /** Takes a layer that came by in a stream for what a document says it is. @throws {VarveError} `E_DIFFID`, `E_DIGEST`, `E_SIZE` */
  async adopt(wanted: WantedLayer, at: Extract<FileAt, { kind: "staged" }>): Promise<StagedResult> {
    const { output, staged } = at;
    check("E_DIGEST", wanted.label, "digest", wanted.digest, output.digest);
    check("E_SIZE", wanted.label, "size", wanted.size, output.size);
    check("E_DIFFID", wanted.label, "diffID", wanted.diffId, output.diffId);
    const warnings = mediaWarnings(wanted, output.compression);
    const mediaType = wanted.mediaType ?? layerMediaType(output.compression);
    let made = this.#made.get(`staged ${output.digest}`);
    if (made === undefined) {
      this.#unclaimed.delete(staged);
      made = staged.finish(output, mediaType).then(() => resultOf(output, mediaType));
      this.#made.set(`staged ${output.digest}`, made);
    }
    const result = await made;
    return { ...result, warnings: [...result.warnings, ...warnings] };
  }

  #progress(progress: LoadProgress): void {
    this.#options.onProgress?.(progress);
  }
}

/** What the layer job judges, for bytes that came before their media type. @throws {VarveError} `E_COMPRESSION` */
function mediaWarnings({ mediaType }: WantedLayer, compression: Compression): Warning[] {
  const example = mediaType === undefined ? undefined : checkMediaType(mediaType, compression);
  return example === undefined ? [] : [{ code: "W_MEDIA_TYPE", count: 1, example }];
}

function resultOf(output: LayerJobOutput, mediaType: string): StagedResult {
  const { digest, size, diffId, uncompressedSize, warnings } = output;
  return { digest, size, mediaType, diffId, uncompressedSize, processed: true, warnings };
}

/** What people know a layer by: its blob, else what it unpacks to, else its name in the archive. */
function shownOf(wanted: Partial<WantedLayer> & { readonly label: string }): string {
  return wanted.digest ?? wanted.diffId ?? wanted.label;
}

function check<T extends string | number>(
  code: "E_DIGEST" | "E_SIZE" | "E_DIFFID",
  label: string,
  what: string,
  expected: T | undefined,
  actual: T,
): void {
  if (expected === undefined || expected === actual) return;
  throw new VarveError(code, `Cannot load layer ${label}: its ${what} differs`, {
    expected,
    actual,
    subject: label,
  });
}

/** `blobs/sha256/<hex>` says what its bytes are; any other name says nothing. */
export function digestOfName(name: string): Digest | undefined {
  const match = /(?:^|\/)blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name);
  const digest = match === null ? undefined : `${match[1]}:${match[2]}`;
  return isDigest(digest) ? digest : undefined;
}

async function digestOf(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Digest> {
  const hasher = createHasher("sha256");
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    hasher.update(chunk);
  }
  return hasher.digest();
}

async function verify(
  name: string,
  digest: Digest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const hasher = createHasher(algorithmOf(digest));
  for await (const chunk of bytes) hasher.update(chunk);
  const actual = hasher.digest();
  if (!equalDigests(digest, actual)) throw wrongDigest(name, digest, actual);
}

function wrongDigest(name: string, expected: Digest, actual: Digest): VarveError {
  return new VarveError("E_DIGEST", `Cannot load ${name}: its bytes are another blob`, {
    expected,
    actual,
    subject: name,
  });
}
