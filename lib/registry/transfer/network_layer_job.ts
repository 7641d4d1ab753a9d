import {
  buffersOf,
  layerFrontJob,
  type LayerHalfInput,
  layerJob,
  type LayerJobInput,
} from "../../layer_job/internal.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import type { Descriptor } from "../../oci/mod.ts";
import type { Halves, Job, JobContext } from "../../pool/mod.ts";
import { type RangePlan, streamRanges } from "../client/blob/blob_ranges.ts";
import { Pace } from "../client/blob/pace.ts";
import { Transport } from "../client/transport.ts";
import type { ClientConfig, Tokens } from "../contract.ts";

/** A blob of a registry, which the worker downloads itself. */
export interface NetworkSource {
  /** Configuration of the registry client. Its endpoints are tried in their order. */
  readonly config: ClientConfig;
  /** Tokens that the caller has already. */
  readonly tokens: Tokens;
  /** Name of the repository, without the registry. */
  readonly repository: string;
  /** Digest and size of the blob. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Number of bytes of the blob that are on disk already. The download starts after them. */
  readonly from: number;
  /** How many connections the download may use. */
  readonly ranges: RangePlan;
}

/** The input of {@linkcode networkLayerJob}. */
export interface NetworkLayerInput {
  /** The blob to download. */
  readonly network: NetworkSource;
  /** Input of the layer job, whose source is `stream`. */
  readonly layer: LayerJobInput;
}

/** Input of {@linkcode networkFrontJob}. */
interface NetworkFrontInput {
  readonly network: NetworkSource;
  readonly half: LayerHalfInput;
}

/**
 * The layer job for bytes that the worker downloads. The thread that receives them also hashes, inflates, scans and
 * writes them, during the download.
 *
 * It fails as the layer job does, and with `E_MISSING`, `E_REGISTRY` and `E_DENIED`.
 */
export const networkLayerJob: Job<NetworkLayerInput, LayerJobOutput> = {
  name: "network-layer",
  entry: "layer",
  run: ({ network, layer }, context) =>
    withBlob(network, context, (streamed) => layerJob.run(layer, streamed)),
  transfer: buffersOf,
  halves({ network, layer }): Halves<LayerJobOutput> | null {
    const halves = layerJob.halves?.(layer) ?? null;
    if (halves === null) return null;
    const input: NetworkFrontInput = { network, half: halves.front.input as LayerHalfInput };
    return { ...halves, front: { job: networkFrontJob, input } };
  },
};

/** The half of the job that downloads and inflates. */
const networkFrontJob: Job<NetworkFrontInput, boolean> = {
  name: "network-layer-front",
  entry: "layer",
  run: ({ network, half }, context) =>
    withBlob(network, context, (streamed) => layerFrontJob.run(half, streamed)),
};

/** The jobs of this file. A worker that makes layers registers them in addition to the layer jobs. */
export const networkJobs: readonly [
  Job<NetworkLayerInput, LayerJobOutput>,
  Job<never, boolean>,
] = [networkLayerJob, networkFrontJob];

async function withBlob<T>(
  { config, tokens, ranges, ...request }: NetworkSource,
  context: JobContext,
  run: (context: JobContext) => Promise<T>,
): Promise<T> {
  using transport = new Transport(config, tokens);
  const stream = streamRanges(transport, config.endpoints, request, ranges, context.signal);
  const pace = new Pace(performance.now());
  try {
    return await run({
      ...context,
      stream: pace.watch(stream),
      progress: (value) => context.progress({ ...value, waited: pace.waited }),
    });
  } finally {
    // A job that fails early leaves the stream open.
    await stream.return().catch(() => {});
  }
}
