import type { Compression } from "../codec/compress/mod.ts";
import { algorithmOf, type Digest } from "../digest/mod.ts";
import { isBadData, VarveError } from "../errors.ts";
import { layerJob } from "../layer_job/internal.ts";
import type { LayerJobOutput, LayerRules } from "../layer_job/mod.ts";
import { layerMediaType, ociLayer } from "../oci/mod.ts";
import { Semaphore } from "../pool/internal.ts";
import type { JobProgress, Pool } from "../pool/mod.ts";
import type { Ingest, LayerRecord, StagedLayer, Store, StoredImage } from "../store/mod.ts";
import { Allowances } from "./allowances.ts";
import { digestOfContent } from "./content.ts";
import type {
  EarlyLayer,
  IngestedLayer,
  KnownBlob,
  LayerContent,
  LayerIngest,
  WantedLayer,
} from "./contract.ts";
import { mediaWarnings, verifyStream, withOtherDiffId } from "./early_layer.ts";
import { isTransient, layerError } from "./input_error.ts";
import type { LoadProgress } from "./load_options.ts";
import { expectedOf, type MadeContent, shownName, sizeOf } from "./wanted_layer.ts";

/** Options of {@linkcode StoreLayerIngest}. */
export interface LayerIngestOptions extends LayerRules {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly pool: Pool;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Verb for messages: "load", "pull". */
  readonly verb: string;
  /** Number of layers of one image to work on at the same time. When absent, enough to keep the pool busy. */
  readonly concurrency?: number | undefined;
}

/** Number of layers that are begun in addition to those that the workers run, so that a free worker has a next one. */
const WAITING = 2;

/**
 * Stages all layers of images; no other class does this. It asks the ingest of the store for each layer. If the store
 * does not have the layer, this class runs the job that makes the layer, and then finishes the layer. After an error,
 * it discards or suspends the layer.
 */
export class StoreLayerIngest implements LayerIngest {
  readonly #options: LayerIngestOptions;
  readonly #made = new Map<string, Promise<IngestedLayer>>();
  /** Whether layers came from a stream. */
  #isStream = false;
  readonly #allowances: Allowances;
  /** Layers from a stream that no document has named yet. */
  readonly #unclaimed = new Set<StagedLayer>();
  readonly #semaphore = new Semaphore();

  constructor(options: LayerIngestOptions) {
    this.#options = options;
    this.#allowances = new Allowances(options.limits);
  }

  get atOnce(): number {
    return this.#options.concurrency ?? this.#options.pool.size + WAITING;
  }

  announce(layers: readonly WantedLayer[]): void {
    // Layers of a stream are made before any document names them.
    if (this.#isStream) return;
    for (const wanted of layers) {
      const total = wanted.size ?? 0;
      const layer = shownName(wanted);
      this.#progress({ layer, total, read: 0, written: 0, state: "waiting" });
    }
  }

  bring(
    wanted: WantedLayer,
    content: LayerContent,
    signal: AbortSignal = this.#options.signal,
  ): Promise<IngestedLayer> {
    if (content.kind === "early") return this.#adopt(wanted, content);
    if (content.kind === "known") return this.#takeKnown(wanted, content);
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
    if (content.kind === "stream" && content.alwaysVerify === true) {
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
      if (content.kind === "job") {
        throw new Error("a job has no bytes to hash: its blob must have a digest");
      }
      // The store has the layer. Hash the content to learn which blob of this layer it is.
      const found = await digestOfContent(content, signal);
      return await this.#bring({ ...wanted, digest: found }, content, signal);
    }
    const { kept } = begun.staged;
    try {
      return await this.#makeNamed(wanted, begun.staged, content, signal);
    } catch (error) {
      const next = content.kind === "job" ? content.fallback?.(kept) : undefined;
      // The fallback has other bytes. They help only after bad data, and not when the disk is full, for example.
      const mayDiffer = isBadData(error) && !isTransient(error);
      if (next === undefined || signal.aborted || !mayDiffer) throw error;
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
    { size, digest, compression, carriedIn }: {
      readonly size: number;
      readonly digest?: Digest | undefined;
      readonly compression: Compression;
      readonly carriedIn?: number | undefined;
    },
  ): Promise<EarlyLayer | KnownBlob> {
    const { ingest, signal } = this.#options;
    this.#isStream = true;
    // From here on gc keeps the blob and its layer, because the stream cannot be read again.
    if (digest !== undefined) await ingest.hold([digest]);
    if (digest !== undefined && this.#isVerified(digest)) {
      await verifyStream(label, digest, bytes);
      return { kind: "known", digest, size, compression };
    }
    // Not left to the queue of the pool: each layer may only take what those before it have left.
    return await this.#semaphore.run(this.atOnce, async () => {
      const staged = await ingest.newLayer();
      try {
        const content = { kind: "stream", size, open: () => Promise.resolve(bytes) } as const;
        const left = carriedIn === undefined ? undefined : this.#allowances.leftOf(carriedIn);
        const output = await this.#run({ label, size, digest }, staged, content, signal, left);
        if (output === null) throw new Error("the job made no layer from a stream");
        this.#allowances.carried(output.entries, output.beyondRatio?.counted ?? output.entries);
        this.#unclaimed.add(staged);
        return { kind: "early", staged, output };
      } catch (error) {
        await staged.discard();
        throw layerError(error, this.#options.verb, label);
      }
    });
  }

  judgeEarly(carriedIn: number): void {
    this.#allowances.judge(carriedIn, this.#options.verb);
  }

  async take(layers: StoredImage["layers"]): Promise<IngestedLayer[]> {
    const { ingest, signal } = this.#options;
    const out: IngestedLayer[] = [];
    await ingest.hold(layers.map(({ descriptor }) => descriptor.digest));
    for (const { descriptor, diffId } of layers) {
      const begun = await ingest.layer({ diffId }, { signal });
      if (begun.state === "new") {
        await begun.staged.discard();
        throw new VarveError(
          "E_DAMAGE",
          `Cannot use layer ${diffId}: it is incomplete in the store`,
          {
            subject: diffId,
            hint: "load its image again",
          },
        );
      }
      const { digest, size, mediaType } = ociLayer(descriptor);
      const { size: uncompressedSize } = begun.record;
      const known = { digest, size, mediaType, diffId, uncompressedSize };
      out.push({ ...known, processed: false, warnings: [] });
    }
    return out;
  }

  /** Discards the layers from a stream that no document named. */
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
    const made = await this.#make(wanted, staged, content, signal).catch((error) => {
      throw layerError(error, this.#options.verb, wanted.label);
    });
    if (made === null) throw new Error("the job made no layer, but a document names it");
    return made;
  }

  /**
   * Makes a staged layer. After an error, the layer is discarded, or suspended so that a later attempt can use its
   * bytes.
   */
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
      // After bad data, the kept bytes may be bad as well.
      if (signal.aborted || isTransient(error)) await staged.suspend();
      else await staged.discard();
      throw error;
    }
  }

  async #run(
    wanted: WantedLayer,
    staged: StagedLayer,
    content: MadeContent,
    signal: AbortSignal,
    carriedIn?: number,
  ): Promise<LayerJobOutput | null> {
    const { store, pool, streamLimits } = this.#options;
    const layer = shownName(wanted);
    const size = sizeOf(content);
    this.#progress({ layer, total: size, read: 0, written: 0, state: "begin" });
    const onProgress = ({ read, written }: JobProgress) =>
      this.#progress({ layer, total: size, read, written, state: "running" });
    const input = {
      source: content.kind === "file" ? content : { kind: "stream" } as const,
      target: staged.target,
      expected: expectedOf(wanted),
      ...this.#allowances.rulesLeft(this.#options),
      carriedIn: carriedIn ?? (content.kind === "stream" && size > 0 ? size : undefined),
      willSync: store.durability === "full",
    };
    const stream = content.kind === "stream" ? await content.open(signal) : undefined;
    const output = content.kind === "job"
      ? await content.run({ input, kept: staged.kept, signal, onProgress })
      : await pool.run(layerJob, input, { onProgress, signal, stream });
    if (output === null) return null;
    this.#allowances.spend(output, streamLimits);
    const { size: read, uncompressedSize: written, diffId } = output;
    this.#progress({
      layer,
      diffId,
      total: size === 0 ? read : size,
      read,
      written,
      state: "done",
    });
    return output;
  }

  /** Checks a layer from a stream against the document that names it, and finishes it. */
  async #adopt(wanted: WantedLayer, early: EarlyLayer): Promise<IngestedLayer> {
    const { staged } = early;
    const output = await withOtherDiffId(wanted, early);
    this.#check("E_DIGEST", wanted.label, "digest", wanted.digest, output.digest);
    this.#check("E_SIZE", wanted.label, "size", wanted.size, output.size);
    this.#check(
      "E_DIFFID",
      wanted.label,
      "diffID",
      wanted.diffId,
      output.otherDiffId ?? output.diffId,
    );
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

  async #takeKnown(wanted: WantedLayer, known: KnownBlob): Promise<IngestedLayer> {
    const { digest, size, compression } = known;
    const { diffId, label } = wanted;
    this.#check("E_DIGEST", label, "digest", wanted.digest, digest);
    mediaWarnings(wanted, compression);
    const { ingest, store, signal } = this.#options;
    const begun = await ingest.layer({ diffId, digest });
    if (begun.state === "present") {
      return this.#present({ ...wanted, digest, compression }, begun.record, size);
    }
    if (diffId !== undefined && algorithmOf(diffId) !== "sha256" && this.#isVerified(digest)) {
      // The layer was not hashed with this algorithm yet. The stream cannot be read again, but the store has the blob.
      const open = () => store.blobs.open(digest, { signal });
      return await this.#makeNamed(wanted, begun.staged, { kind: "stream", size, open }, signal);
    }
    // The store had the layer when the stream arrived, which cannot be read again.
    await begun.staged.discard();
    throw new VarveError(
      "E_BUSY",
      `Cannot ${this.#options.verb} layer ${label}: another process removed it at the same time`,
    );
  }

  /** Describes a verified layer that the store has already. */
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
      diffId: record.diffId,
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
      `Cannot ${this.#options.verb} layer ${label}: it has ${claim} bytes, but the verified blob has ${size}`,
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

function ingested(output: LayerJobOutput, mediaType: string): IngestedLayer {
  const { digest, size, diffId, uncompressedSize, warnings } = output;
  return { digest, size, mediaType, diffId, uncompressedSize, processed: true, warnings };
}
