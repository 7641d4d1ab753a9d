import {
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

/** Where the bytes of a layer come from: a registry, which the worker asks itself. */
export interface NetworkSource {
  /** How to speak to it; its endpoints are those that are asked. */
  readonly config: ClientConfig;
  /** Tokens that the caller has. */
  readonly tokens: Tokens;
  /** Repository, without the registry. */
  readonly repository: string;
  /** The blob. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Its bytes that are here already. */
  readonly from: number;
  /** Connections that it may have. */
  readonly ranges: RangePlan;
}

/** The input of {@linkcode networkLayerJob}. */
export interface NetworkLayerInput {
  /** Where the bytes come from. */
  readonly network: NetworkSource;
  /** What is made of them; its source is `stream`. */
  readonly layer: LayerJobInput;
}

/** The input of the half that fetches. */
interface NetworkFrontInput {
  readonly network: NetworkSource;
  readonly half: LayerHalfInput;
}

/**
 * The layer job on bytes that the worker fetches: they are hashed, inflated, scanned and written on
 * the thread that received them, while they come.
 *
 * Fails as the layer job does, and with `E_MISSING`, `E_REGISTRY` and `E_DENIED`.
 */
export const networkLayerJob: Job<NetworkLayerInput, LayerJobOutput> = {
  name: "network-layer",
  entry: "layer",
  run: ({ network, layer }, context) =>
    withBlob(network, context, (streamed) => layerJob.run(layer, streamed)),
  halves({ network, layer }): Halves<LayerJobOutput> | null {
    const halves = layerJob.halves?.(layer) ?? null;
    if (halves === null) return null;
    const input: NetworkFrontInput = { network, half: halves.front.input as LayerHalfInput };
    return { ...halves, front: { job: networkFrontJob, input } };
  },
};

/** The half that fetches and inflates. */
const networkFrontJob: Job<NetworkFrontInput, boolean> = {
  name: "network-layer-front",
  entry: "layer",
  run: ({ network, half }, context) =>
    withBlob(network, context, (streamed) => layerFrontJob.run(half, streamed)),
};

/** What a worker that makes layers registers besides the pool's own jobs. */
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
    // A job that failed early leaves it open.
    await stream.return().catch(() => {});
  }
}
