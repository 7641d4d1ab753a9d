import { isBadData, VarveError } from "../../errors.ts";
import type { LoadedLayer, LoadOptions } from "../../image/mod.ts";
import type { LayerJobInput } from "../../layer_job/internal.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import type { ImageLayer, Reference } from "../../oci/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Ingest, LayerRecord, StagedLayer, Store } from "../../store/mod.ts";
import type { RangePlan } from "../client/blob/blob_ranges.ts";
import { isSlow } from "../client/blob/pace.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import type { Endpoint } from "../contract.ts";
import { networkLayerJob } from "./network_layer_job.ts";

/** A layer that was pulled, before it has its place in the store. */
export type PulledLayer = Omit<LoadedLayer, "chainId" | "cacheId">;

/** What a {@linkcode LayerPuller} works with. */
export interface LayerPullerOptions
  extends Omit<LoadOptions, "name" | "platform" | "host" | "signal"> {
  readonly store: Store;
  readonly client: RegistryClient;
  readonly ingest: Ingest;
  readonly pool: Pool;
  /** How large layers come. */
  readonly ranges: RangePlan;
  /** Called once, when a layer is waited for. */
  readonly onIdle?: (() => void) | undefined;
}

/** Bytes of a layer after which it is clear whether it is waited for. */
const CLEAR = 8 * 2 ** 20;

/** Brings layers of one repository into an ingest, each once, through the pool. */
export class LayerPuller {
  readonly #options: LayerPullerOptions;
  readonly #name: Reference;
  readonly #made = new Map<string, Promise<PulledLayer>>();
  #isIdle = false;

  constructor(options: LayerPullerOptions, name: Reference) {
    this.#options = options;
    this.#name = name;
  }

  /** A layer. The same one is fetched once, however often the manifest names it. */
  pull(layer: ImageLayer, signal: AbortSignal): Promise<PulledLayer> {
    const key = `${layer.descriptor.digest} ${layer.diffId}`;
    let made = this.#made.get(key);
    if (made === undefined) {
      made = this.#pull(layer, signal);
      this.#made.set(key, made);
    }
    return made;
  }

  /** `mirrored` while mirrors may serve it. */
  async #pull(
    layer: ImageLayer,
    signal: AbortSignal,
    mirrored = true,
  ): Promise<PulledLayer> {
    const { ingest, client } = this.#options;
    const endpoints = client.endpoints("pull");
    const asked = mirrored ? endpoints : endpoints.slice(-1);
    const { descriptor: { digest, mediaType, size }, diffId } = layer;
    const begun = await ingest.layer({ diffId, digest }, { blob: true, keep: true, signal });
    if (begun.state === "present") return this.#present(layer, begun.record);
    const { staged } = begun;
    try {
      const output = await this.#job(layer, staged, asked, signal);
      await staged.finish(output, mediaType);
      const { uncompressedSize, warnings } = output;
      return { digest, diffId, size, uncompressedSize, processed: true, warnings };
    } catch (error) {
      if (signal.aborted || isPassing(error)) await staged.suspend();
      else await staged.discard();
      const isOthers = staged.kept > 0 || asked.length > 1;
      if (signal.aborted || !isOthers || isPassing(error) || !isBadData(error)) throw error;
    }
    // What an earlier command left, or a mirror gave, may be what was wrong: now all of it comes from the registry.
    return await this.#pull(layer, signal, false);
  }

  async #job(
    { descriptor, diffId }: ImageLayer,
    staged: StagedLayer,
    endpoints: readonly Endpoint[],
    signal: AbortSignal,
  ): Promise<LayerJobOutput> {
    const {
      store,
      client,
      pool,
      policy,
      limits,
      streamLimits,
      inflater,
      onProgress,
      ranges,
    } = this.#options;
    const { digest, size, mediaType } = descriptor;
    const at = { layer: digest, total: size };
    onProgress?.({ ...at, read: 0, written: 0, state: "begin" });
    const input: LayerJobInput = {
      source: { kind: "stream" },
      target: staged.target,
      expected: { digest, size, diffId, mediaType },
      policy,
      limits,
      streamLimits,
      inflater,
      willSync: store.durability === "full",
    };
    const { tokens } = client;
    const config = { ...client.config, endpoints };
    const { repository } = this.#name;
    const blob = { digest, size };
    const network = { config, tokens, repository, blob, from: staged.kept, ranges };
    const begun = performance.now();
    const output = await pool.run(networkLayerJob, { network, layer: input }, {
      signal,
      onProgress: ({ read, written, waited = 0 }) => {
        const ms = performance.now() - begun;
        if (read >= CLEAR && isSlow({ bytes: read, ms, waited })) this.#idle();
        onProgress?.({ ...at, read, written, state: "running" });
      },
    });
    const { size: read, uncompressedSize: written } = output;
    onProgress?.({ ...at, read, written, state: "done" });
    return output;
  }

  /** Says once that layers are waited for. */
  #idle(): void {
    if (!this.#isIdle) this.#options.onIdle?.();
    this.#isIdle = true;
  }

  /** @throws {VarveError} `E_SIZE` when the manifest lies about the size of a blob that is here */
  #present({ descriptor, diffId }: ImageLayer, record: LayerRecord): PulledLayer {
    const { digest, size } = descriptor;
    const known = this.#options.store.blobs.stat(digest)?.size ?? size;
    if (known !== size) {
      throw new VarveError(
        "E_SIZE",
        `Cannot pull layer ${digest}: it has ${size} bytes, the verified blob ${known}`,
        { expected: known, actual: size, subject: digest },
      );
    }
    this.#options.onProgress?.({
      layer: digest,
      total: size,
      read: size,
      written: record.size,
      state: "present",
    });
    return {
      digest,
      diffId,
      size,
      uncompressedSize: record.size,
      processed: false,
      warnings: [],
    };
  }
}

/** Whether another try may end well with the bytes that came: nothing was found to be wrong with them. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof VarveError)) return true;
  return ["E_REGISTRY", "E_DENIED", "E_MISSING", "E_WORKER"].includes(error.code);
}
