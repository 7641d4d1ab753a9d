import { checkMediaType, type Compression } from "../codec/compress/mod.ts";
import { algorithmOf, createHasher, type Digest, equalDigests } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Warning } from "../layer/mod.ts";
import { layerJob, layerRules } from "../layer_job/internal.ts";
import type { LayerJobOutput, LayerRules } from "../layer_job/mod.ts";
import { layerMediaType, ociLayer } from "../oci/mod.ts";
import type { JobProgress, Pool } from "../pool/mod.ts";
import type { Ingest, LayerRecord, StagedLayer, Store, StoredImage } from "../store/mod.ts";
import { digestOfContent } from "./content.ts";
import type {
  EarlyLayer,
  FileRun,
  IngestedLayer,
  JobContent,
  LayerContent,
  LayerIngest,
  PassedBlob,
  StreamContent,
  WantedLayer,
} from "./contract.ts";
import type { LoadProgress } from "./load_options.ts";

/** What a {@linkcode StoreLayerIngest} works with. */
export interface LayerIngestOptions extends LayerRules {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** What is done to a layer, for messages: "load". */
  readonly verb: string;
  /** Layers of one image that are begun at once; as many as keep the pool busy when absent. */
  readonly concurrency?: number | undefined;
}

/** A content that a job makes a layer of. */
type MadeContent = FileRun | StreamContent | JobContent;

/** Compressed layers that wait for a worker beside those that run. */
const WAITING = 2;

/**
 * The one place that begins layers of images: it asks the ingest for a layer, runs the job that makes it
 * where the store has none, and finishes it, or gives it up.
 */
export class StoreLayerIngest implements LayerIngest {
  readonly #options: LayerIngestOptions;
  readonly #made = new Map<string, Promise<IngestedLayer>>();
  /** Layers of a stream that no document has named yet. */
  readonly #unclaimed = new Set<StagedLayer>();

  constructor(options: LayerIngestOptions) {
    this.#options = options;
  }

  get atOnce(): number {
    return this.#options.concurrency ?? this.#options.pool.size + WAITING;
  }

  bring(
    wanted: WantedLayer,
    content: LayerContent,
    signal: AbortSignal = this.#options.signal,
  ): Promise<IngestedLayer> {
    if (content.kind === "early") return this.#adopt(wanted, content);
    if (content.kind === "passed") return this.#takePassed(wanted, content);
    const place = content.kind === "file" ? `${content.path} ${content.offset}` : "";
    const key = `${wanted.digest ?? ""} ${wanted.diffId ?? ""} ${place}`;
    let made = this.#made.get(key);
    if (made === undefined) {
      made = this.#bring(wanted, content, signal);
      this.#made.set(key, made);
    }
    return made;
  }

  async #bring(
    wanted: WantedLayer,
    content: MadeContent,
    signal: AbortSignal,
  ): Promise<IngestedLayer> {
    if (content.kind === "stream" && content.prove === true) {
      return await this.#makeNamed(wanted, await this.#options.ingest.newLayer(), content, signal);
    }
    const { diffId, digest } = wanted;
    const keep = content.kind === "job" && content.keep === true;
    const begun = await this.#options.ingest.layer({ diffId, digest }, {
      blob: true,
      keep,
      signal,
    });
    if (begun.state === "present") {
      if (digest !== undefined) return this.#present(wanted, begun.record, sizeOf(content));
      if (content.kind === "job") throw new Error("a job is given for a blob that is known");
      // The layer is here: hash the content to learn which blob of this layer it is.
      const found = await digestOfContent(content, signal);
      return await this.#bring({ ...wanted, digest: found }, content, signal);
    }
    const { kept } = begun.staged;
    try {
      return await this.#makeNamed(wanted, begun.staged, content, signal);
    } catch (error) {
      const next = content.kind === "job" ? content.fallback?.(kept) : undefined;
      if (next === undefined || signal.aborted || isPassing(error)) throw error;
      return await this.#bring(wanted, next, signal);
    }
  }

  async create(label: string, content: MadeContent): Promise<IngestedLayer | null> {
    const staged = await this.#options.ingest.newLayer();
    return await this.#make({ label }, staged, content, this.#options.signal);
  }

  async early(
    label: string,
    bytes: AsyncIterable<Uint8Array>,
    { size, digest, compression }: {
      readonly size: number;
      readonly digest?: Digest | undefined;
      readonly compression: Compression;
    },
  ): Promise<EarlyLayer | PassedBlob> {
    const { ingest, signal } = this.#options;
    if (digest !== undefined && this.#isVerified(digest)) {
      await verify(label, digest, bytes);
      return { kind: "passed", digest, size, compression };
    }
    const staged = await ingest.newLayer();
    try {
      const content = { kind: "stream", size, open: () => Promise.resolve(bytes) } as const;
      const output = await this.#run({ label, size, digest }, staged, content, signal);
      if (output === null) throw new Error("a stream has a layer");
      this.#unclaimed.add(staged);
      return { kind: "early", staged, output };
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  async take(layers: StoredImage["layers"]): Promise<IngestedLayer[]> {
    const { ingest, signal } = this.#options;
    const out: IngestedLayer[] = [];
    for (const { descriptor, diffId } of layers) {
      const begun = await ingest.layer({ diffId }, { signal });
      if (begun.state === "new") {
        await begun.staged.discard();
        throw new VarveError("E_DAMAGE", `Cannot use layer ${diffId}: it is not whole here`, {
          subject: diffId,
          hint: "load its image again",
        });
      }
      const { digest, size, mediaType } = ociLayer(descriptor);
      const { size: uncompressedSize } = begun.record;
      const known = { digest, size, mediaType, diffId, uncompressedSize };
      out.push({ ...known, processed: false, warnings: [] });
    }
    return out;
  }

  /** Gives up the layers of a stream that no document named. */
  async discardUnclaimed(): Promise<void> {
    const unclaimed = [...this.#unclaimed];
    this.#unclaimed.clear();
    await Promise.all(unclaimed.map((staged) => staged.discard()));
  }

  async #makeNamed(
    wanted: WantedLayer,
    staged: StagedLayer,
    content: MadeContent,
    signal: AbortSignal,
  ): Promise<IngestedLayer> {
    const made = await this.#make(wanted, staged, content, signal);
    if (made === null) throw new Error("a layer that a document names has content");
    return made;
  }

  /** Makes a staged layer, or gives it up. */
  async #make(
    wanted: WantedLayer,
    staged: StagedLayer,
    content: MadeContent,
    signal: AbortSignal,
  ): Promise<IngestedLayer | null> {
    try {
      const output = await this.#run(wanted, staged, content, signal);
      if (output === null) {
        await staged.discard();
        return null;
      }
      const mediaType = wanted.mediaType ?? layerMediaType(output.compression);
      await staged.finish(output, mediaType);
      return ingested(output, mediaType);
    } catch (error) {
      // After bad data the kept bytes are not believed either.
      if (signal.aborted || isPassing(error)) await staged.suspend();
      else await staged.discard();
      throw error;
    }
  }

  async #run(
    wanted: WantedLayer,
    staged: StagedLayer,
    content: MadeContent,
    signal: AbortSignal,
  ): Promise<LayerJobOutput | null> {
    const { store, pool } = this.#options;
    const layer = shownName(wanted);
    const size = sizeOf(content);
    this.#progress({ layer, total: size, read: 0, written: 0, state: "begin" });
    const onProgress = ({ read, written }: JobProgress) =>
      this.#progress({ layer, total: size, read, written, state: "running" });
    const input = {
      source: content.kind === "file" ? content : { kind: "stream" } as const,
      target: staged.target,
      expected: expectedOf(wanted),
      ...layerRules(this.#options),
      willSync: store.durability === "full",
    };
    const stream = content.kind === "stream" ? await content.open(signal) : undefined;
    const output = content.kind === "job"
      ? await content.run({ input, kept: staged.kept, signal, onProgress })
      : await pool.run(layerJob, input, { onProgress, signal, stream });
    if (output === null) return null;
    const { size: read, uncompressedSize: written } = output;
    this.#progress({ layer, total: size === 0 ? read : size, read, written, state: "done" });
    return output;
  }

  /** Takes a layer that came in a stream for what a document says it is. */
  async #adopt(wanted: WantedLayer, early: EarlyLayer): Promise<IngestedLayer> {
    const { output, staged } = early;
    this.#check("E_DIGEST", wanted.label, "digest", wanted.digest, output.digest);
    this.#check("E_SIZE", wanted.label, "size", wanted.size, output.size);
    this.#check("E_DIFFID", wanted.label, "diffID", wanted.diffId, output.diffId);
    const warnings = mediaWarnings(wanted, output.compression);
    const mediaType = wanted.mediaType ?? layerMediaType(output.compression);
    const key = `early ${output.digest}`;
    let made = this.#made.get(key);
    if (made === undefined) {
      this.#unclaimed.delete(staged);
      made = staged.finish(output, mediaType).then(() => ingested(output, mediaType));
      this.#made.set(key, made);
    }
    const result = await made;
    return { ...result, warnings: [...result.warnings, ...warnings] };
  }

  async #takePassed(wanted: WantedLayer, passed: PassedBlob): Promise<IngestedLayer> {
    const { digest, size, compression } = passed;
    const { diffId, label } = wanted;
    this.#check("E_DIGEST", label, "digest", wanted.digest, digest);
    mediaWarnings(wanted, compression);
    const begun = await this.#options.ingest.layer({ diffId, digest });
    if (begun.state === "present") {
      return this.#present({ ...wanted, digest, compression }, begun.record, size);
    }
    // Another process removed it meanwhile, and the bytes have gone by.
    await begun.staged.discard();
    throw new VarveError(
      "E_BUSY",
      `Cannot ${this.#options.verb} layer ${label}: it was removed meanwhile`,
    );
  }

  /** A layer that the store holds, verified. */
  #present(wanted: WantedLayer, record: LayerRecord, contentSize: number): IngestedLayer {
    const digest = wanted.digest ?? record.diffId;
    const size = this.#options.store.blobs.stat(digest)?.size ??
      (digest === record.diffId ? record.size : contentSize);
    for (const claim of [wanted.size, contentSize]) {
      if (claim !== undefined) this.#checkSize(wanted.label, claim, size);
    }
    const { size: written } = record;
    this.#progress({
      layer: shownName(wanted),
      total: size,
      read: size,
      written,
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

  #isVerified(digest: Digest): boolean {
    const { blobs, layers } = this.#options.store;
    return (blobs.stat(digest)?.verifiedAt ?? 0) > 0 &&
      (layers.byBlob(digest)?.verifiedAt ?? 0) > 0;
  }

  #checkSize(label: string, claim: number, size: number): void {
    if (claim === size) return;
    throw new VarveError(
      "E_SIZE",
      `Cannot ${this.#options.verb} layer ${label}: it has ${claim} bytes, the verified blob ${size}`,
      { expected: size, actual: claim, subject: label },
    );
  }

  #check<T extends string | number>(
    code: "E_DIGEST" | "E_SIZE" | "E_DIFFID",
    label: string,
    what: string,
    expected: T | undefined,
    actual: T,
  ): void {
    if (expected === undefined || expected === actual) return;
    throw new VarveError(
      code,
      `Cannot ${this.#options.verb} layer ${label}: its ${what} differs`,
      { expected, actual, subject: label },
    );
  }

  #progress(progress: LoadProgress): void {
    this.#options.onProgress?.(progress);
  }
}

/** What the job checks. Without a descriptor only the diffID was promised, though the digest of a plain tar follows from it. */
function expectedOf({ digest, size, diffId, mediaType }: WantedLayer) {
  const isPromised = mediaType !== undefined || digest !== diffId;
  return { digest: isPromised ? digest : undefined, size, diffId, mediaType };
}

function sizeOf(content: MadeContent): number {
  return content.kind === "file" ? content.length : content.size;
}

/** What people know a layer by: its blob, else what it unpacks to, else its name in the archive. */
function shownName({ digest, diffId, label }: WantedLayer): string {
  return digest ?? diffId ?? label;
}

function ingested(output: LayerJobOutput, mediaType: string): IngestedLayer {
  const { digest, size, diffId, uncompressedSize, warnings } = output;
  return { digest, size, mediaType, diffId, uncompressedSize, processed: true, warnings };
}

/** What the layer job judges, for bytes that came before their media type. @throws {VarveError} `E_COMPRESSION` */
function mediaWarnings({ mediaType }: WantedLayer, compression: Compression): Warning[] {
  const example = mediaType === undefined ? undefined : checkMediaType(mediaType, compression);
  return example === undefined ? [] : [{ code: "W_MEDIA_TYPE", count: 1, example }];
}

/** Whether another attempt may end well with the bytes that came: nothing was found to be wrong with them. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof VarveError)) return true;
  return ["E_REGISTRY", "E_DENIED", "E_MISSING", "E_WORKER"].includes(error.code);
}

async function verify(
  label: string,
  expected: Digest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const hasher = createHasher(algorithmOf(expected));
  for await (const chunk of bytes) hasher.update(chunk);
  const actual = hasher.digest();
  if (equalDigests(expected, actual)) return;
  throw new VarveError("E_DIGEST", `Cannot load ${label}: its bytes are another blob`, {
    expected,
    actual,
    subject: label,
  });
}
