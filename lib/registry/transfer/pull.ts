import { VarveError } from "../../errors.ts";
import type { LoadedImage, LoadedLayer, LoadOptions } from "../../image/mod.ts";
import { chainIds } from "../../layer/mod.ts";
import {
  checkOciLimit,
  type Descriptor,
  formatPlatform,
  formatReference,
  type ImageConfig,
  type ImageDocument,
  imageLayers,
  type Manifest,
  matchPlatform,
  type OciLimits,
  ociLimits,
  parseDocument,
  parseImageConfig,
  parseReference,
  type Platform,
  type Reference,
  requireImage,
  selectManifest,
} from "../../oci/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import { createPool, type Pool } from "../../pool/mod.ts";
import type { Ingest, IngestResult, Store } from "../../store/mod.ts";
import type { RangePlan } from "../client/blob/blob_ranges.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { LayerPuller, type PulledLayer } from "./layer_puller.ts";

/** Options of {@linkcode pullImage}. */
export interface PullOptions extends Omit<LoadOptions, "name" | "platform"> {
  /** Which image of an index; `host`'s when absent. */
  readonly platform?: Platform | undefined;
  /** Layers that are fetched at once; 4 when absent. The pool's workers bound it as well. */
  readonly concurrency?: number | undefined;
  /**
   * Connections for all layers that are fetched at once; 8 when absent, and each has one at least. What
   * is left of them is for large layers that come slowly over one: up to 4 each. 1: no layer has more.
   */
  readonly connections?: number | undefined;
  /** Bytes from which a layer is large; 64 MiB when absent. */
  readonly largeFrom?: number | undefined;
}

/** Options of {@linkcode pullImage} for a program that mounts the image next. */
export interface ProgramPullOptions extends PullOptions {
  /** Called once, when the network is slower than this machine: there is time to prepare what comes next. */
  readonly onIdle?: (() => void) | undefined;
}

/** Layers that are fetched at once. */
const CONCURRENCY = 4;
/** Connections for all of them, and for one. */
const CONNECTIONS = { all: 8, one: 4 } as const;
/** A layer of so many bytes is large. */
const LARGE_FROM = 64 * 2 ** 20;

/**
 * Pulls an image: every byte is proved while it comes, and all of the image becomes visible at once,
 * at the end, under the name that Docker would give it.
 *
 * Documents and layers that the store holds are not fetched again. Of an index the manifest that fits
 * the platform is pulled; the image's target stays the index.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY` · `E_PLATFORM` · bad data as {@linkcode loadImages} has it · `E_USAGE` a malformed reference
 *
 * @example
 * ```ts ignore
 * import { openStore, pullImage, RegistryClient, loadClientConfig } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * using client = new RegistryClient(await loadClientConfig("docker.io", "library/debian"));
 * const image = await pullImage(store, client, "docker.io/library/debian");
 * ```
 */
export async function pullImage(
  store: Store,
  client: RegistryClient,
  reference: string,
  options: PullOptions = {},
): Promise<LoadedImage> {
  const name = parseReference(reference);
  if (name.registry !== client.config.registry) {
    throw new TypeError(`Cannot pull ${reference}: the client is for ${client.config.registry}`);
  }
  await using stack = new AsyncDisposableStack();
  const pool: Pool = options.pool ?? stack.use(createPool());
  const ingest = stack.use(await store.ingest());
  const { signal, onIdle }: ProgramPullOptions = options;
  const pull: Pull = { store, client, ingest, name, signal, limits: ociLimits(options.ociLimits) };
  const target = await fetchTarget(pull);
  const chosen = await chooseManifest(pull, target.document, options);
  const { manifest, config } = await fetchImage(pull, chosen, options.platform);
  const wanted = imageLayers(manifest, config);
  const concurrency = Math.max(1, options.concurrency ?? CONCURRENCY);
  const ranges = planRanges(options, Math.min(concurrency, wanted.length, pool.size));
  const puller = new LayerPuller({ ...options, store, client, ingest, pool, ranges, onIdle }, name);
  const layers = await boundedParallel(
    wanted,
    (layer, signal) => puller.pull(layer, signal),
    { limit: concurrency, signal },
  );
  ingest.chain(layers.map(({ diffId }) => diffId));
  ingest.image(formatReference(name), target.descriptor);
  return describe(name, target.descriptor, manifest, layers, await ingest.commit());
}

/** Shares the connections among the layers that are fetched at once. */
function planRanges({ connections, largeFrom }: PullOptions, atOnce: number): RangePlan {
  const each = Math.floor((connections ?? CONNECTIONS.all) / Math.max(1, atOnce));
  return {
    connections: Math.max(1, Math.min(CONNECTIONS.one, each)),
    largeFrom: largeFrom ?? LARGE_FROM,
  };
}

/** A pull on its way. */
interface Pull {
  readonly store: Store;
  readonly client: RegistryClient;
  readonly ingest: Ingest;
  readonly name: Reference;
  readonly signal: AbortSignal | undefined;
  readonly limits: OciLimits;
}

/** What the reference names: a manifest or an index, verified and staged. */
async function fetchTarget(
  pull: Pull,
): Promise<{ readonly document: ImageDocument; readonly descriptor: Descriptor }> {
  const { client, name, ingest, limits, signal } = pull;
  const maxBytes = Math.max(limits.manifest, limits.index);
  const fetched = await client.manifest(name, { signal, maxBytes });
  const { bytes, digest, contentType } = fetched;
  const document = parseDocument(bytes, { contentType, limits });
  const descriptor = { mediaType: document.mediaType, digest, size: bytes.length };
  await ingest.blob(bytes, document.mediaType, descriptor);
  return { document, descriptor };
}

/** Goes down through indexes to the manifest for the platform. */
async function chooseManifest(
  pull: Pull,
  target: ImageDocument,
  { platform, host }: PullOptions,
): Promise<Manifest> {
  const { limits } = pull;
  let document = target;
  let count = 0;
  for (let depth = 1; document.kind === "index"; depth++) {
    checkOciLimit("indexDepth", limits.indexDepth, depth);
    count += document.manifests.length;
    checkOciLimit("manifests", limits.manifests, count);
    const wanted = platform ?? host;
    if (wanted === undefined) {
      throw new TypeError("Cannot pull an index: no platform and no host is given");
    }
    document = await fetchChild(pull, selectManifest(document, wanted));
  }
  return document;
}

/** A document that another one names: from the store where it is there, else from the registry. */
async function fetchChild(pull: Pull, child: Descriptor): Promise<ImageDocument> {
  const { store, client, name, ingest, limits, signal } = pull;
  const { repository } = name;
  const { digest, mediaType } = child;
  const maxBytes = Math.max(limits.manifest, limits.index);
  const bytes = await readStored(store, child, maxBytes) ??
    (await client.manifest({ repository, digest }, { signal, maxBytes }).catch(inside)).bytes;
  await ingest.blob(bytes, mediaType, child);
  return parseDocument(bytes, { mediaType, limits });
}

/** The config, and the proof that this is an image for the platform. */
async function fetchImage(
  pull: Pull,
  document: Manifest,
  platform: Platform | undefined,
): Promise<{ readonly manifest: Manifest; readonly config: ImageConfig }> {
  const { store, client, name, ingest, limits, signal } = pull;
  const manifest = requireImage(document);
  const { config: blob } = manifest;
  const bytes = await readStored(store, blob, limits.config) ??
    await client.smallBlob(name.repository, blob, limits.config, signal);
  await ingest.blob(bytes, blob.mediaType, blob);
  const config = parseImageConfig(bytes, { limits });
  if (platform !== undefined && matchPlatform(platform, config.platform) < 0) {
    throw new VarveError(
      "E_PLATFORM",
      `Cannot pull ${formatReference(name)}: the image is for another platform`,
      { expected: formatPlatform(platform), actual: formatPlatform(config.platform) },
    );
  }
  return { manifest, config };
}

/** A document that is here, verified; damage is no reason not to fetch it. */
async function readStored(
  store: Store,
  { digest }: Descriptor,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (store.blobs.stat(digest) === undefined) return undefined;
  return await store.blobs.read(digest, maxBytes).catch(() => undefined);
}

/** What is missing inside an image is bad data. */
function inside(error: unknown): never {
  if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
  throw new VarveError("E_MISSING", error.message, error.details);
}

function describe(
  name: Reference,
  target: Descriptor,
  manifest: Manifest,
  pulled: readonly PulledLayer[],
  result: IngestResult,
): LoadedImage {
  const chains = chainIds(pulled.map(({ diffId }) => diffId));
  const records = new Map(result.layers.map((record) => [record.diffId, record]));
  const layers = pulled.map((layer, i): LoadedLayer => ({
    ...layer,
    chainId: chains[i] as typeof chains[number],
    cacheId: records.get(layer.diffId)?.cacheId ?? 0,
  }));
  return {
    names: [formatReference(name)],
    imageId: manifest.config.digest,
    manifest: target.digest,
    chainId: chains.at(-1) ?? null,
    layers,
  };
}
