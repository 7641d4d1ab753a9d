import type { ImageIngest, JobContent, WantedLayer } from "../../image/internal.ts";
import type { Digest } from "../../digest/mod.ts";
import type { JobProgress } from "../../pool/mod.ts";
import type { RangePlan } from "../client/blob/blob_ranges.ts";
import { isSlow } from "../client/blob/pace.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import type { Endpoint } from "../contract.ts";
import { networkLayerJob } from "./network_layer_job.ts";
import type { ProgramPullOptions } from "./pull_options.ts";

/** Default number of connections for all layers together, and the most for one layer. */
const CONNECTIONS = { all: 8, one: 4 } as const;
/** Default size in bytes from which a layer counts as large. */
const LARGE_FROM = 64 * 2 ** 20;
/** Number of bytes of a layer after which its speed shows whether the network is slower than the worker. */
const CLEAR = 8 * 2 ** 20;

/** Makes the layers of one repository available as jobs, whose worker downloads the bytes itself. */
export class NetworkLayers {
  readonly #client: RegistryClient;
  readonly #repository: string;
  readonly #ingest: ImageIngest;
  readonly #options: ProgramPullOptions;
  #ranges: RangePlan;
  #isIdle = false;

  constructor(
    client: RegistryClient,
    repository: string,
    ingest: ImageIngest,
    options: ProgramPullOptions,
  ) {
    this.#client = client;
    this.#repository = repository;
    this.#ingest = ingest;
    this.#options = options;
    this.#ranges = planRanges(options, 1);
  }

  /** Divides the connections among the layers of an image that are downloaded at the same time. */
  expect(layers: number): void {
    const { pool, layers: { atOnce } } = this.#ingest;
    this.#ranges = planRanges(this.#options, Math.min(atOnce, layers, pool.size));
  }

  /** The content of a layer. All endpoints that may serve it are tried. */
  content({ digest, size }: WantedLayer): JobContent {
    const blob = { digest: digest as Digest, size: size as number };
    return this.#from(this.#client.endpoints("pull"), blob);
  }

  #from(
    endpoints: readonly Endpoint[],
    blob: { readonly digest: Digest; readonly size: number },
  ): JobContent {
    const { pool } = this.#ingest;
    const { config, tokens } = this.#client;
    const source = {
      config: { ...config, endpoints },
      tokens,
      repository: this.#repository,
      blob,
      ranges: this.#ranges,
    };
    return {
      kind: "job",
      size: blob.size,
      keep: true,
      run: ({ input, kept, signal, onProgress }) => {
        const watch = this.#watch();
        const network = { ...source, from: kept };
        return pool.run(networkLayerJob, { network, layer: input }, {
          signal,
          onProgress: (progress) => {
            watch(progress);
            onProgress(progress);
          },
        });
      },
      // Kept bytes, or bytes of a mirror, may be bad. Download the whole blob from the registry itself.
      fallback: (kept) =>
        kept > 0 || endpoints.length > 1 ? this.#from(endpoints.slice(-1), blob) : undefined,
    };
  }

  /** Watches the progress of a layer. Calls `onIdle` once, when the worker waits for the network. */
  #watch(): (progress: JobProgress) => void {
    const begun = performance.now();
    return ({ read, waited = 0 }) => {
      if (this.#isIdle || read < CLEAR) return;
      if (!isSlow({ bytes: read, ms: performance.now() - begun, waited })) return;
      this.#isIdle = true;
      this.#options.onIdle?.();
    };
  }
}

function planRanges({ connections, largeFrom }: ProgramPullOptions, atOnce: number): RangePlan {
  const each = Math.floor((connections ?? CONNECTIONS.all) / Math.max(1, atOnce));
  return {
    connections: Math.max(1, Math.min(CONNECTIONS.one, each)),
    largeFrom: largeFrom ?? LARGE_FROM,
  };
}
