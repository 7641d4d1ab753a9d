import { VarveError } from "../errors.ts";
import type { LoadedImage, LoadedLayer, LoadOptions } from "../image/mod.ts";
import { chainIds } from "../layer/mod.ts";
import {
  formatReference,
  matchPlatform,
  type OciLimits,
  ociLimits,
  parseReference,
  type Platform,
} from "../oci/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import type { Ingest, IngestResult, Store } from "../store/mod.ts";
import type { ArchiveFiles } from "./files.ts";
import { stageDockerArchive } from "./load_docker.ts";
import { stageOciLayout } from "./load_oci.ts";
import { type ImageSource, openFiles } from "./open_files.ts";
import {
  diffIdsOf,
  type StageContext,
  type StagedImage,
  type StagedManifest,
} from "./staged_image.ts";
import { Stager } from "./stager.ts";

/**
 * Loads the images of an archive: a docker-archive, an OCI layout as tar or
 * directory, or both in one; plain, gzip or zstd; a path or a stream.
 *
 * Every byte is proved: blobs against their digests, layers against the diffIDs
 * of the config. All images become visible at once, at the end, or none does.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such file · `E_FORMAT`, `E_JSON`, `E_MISSING`, `E_DIGEST`,
 *   `E_SIZE`, `E_DIFFID`, … bad data · `E_PLATFORM` · `E_LIMIT` · `E_USAGE` a name for several images
 *
 * @example
 * ```ts
 * import { TarStream } from "@std/tar";
 * import { loadImages, openMemoryStore } from "@varve/varve";
 *
 * // An image without layers, as a docker-archive in a tar; a path works as well.
 * const config = '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}';
 * const manifest = '[{"Config":"config.json","RepoTags":["empty:1"],"Layers":[]}]';
 * const archive = new ReadableStream<{ path: string; text: string }>({
 *   start(controller) {
 *     controller.enqueue({ path: "config.json", text: config });
 *     controller.enqueue({ path: "manifest.json", text: manifest });
 *     controller.close();
 *   },
 * }).pipeThrough(
 *   new TransformStream({
 *     transform({ path, text }, controller) {
 *       const readable = new Blob([text]).stream();
 *       controller.enqueue({ type: "file" as const, path, size: text.length, readable });
 *     },
 *   }),
 * ).pipeThrough(new TarStream());
 *
 * await using store = openMemoryStore();
 * const [image] = await loadImages(store, archive);
 * if (image?.names[0] !== "docker.io/library/empty:1") throw new Error("it has that name");
 * ```
 */
export async function loadImages(
  store: Store,
  source: ImageSource,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  await using stack = new AsyncDisposableStack();
  const pool: Pool = options.pool ?? stack.use(createPool());
  const ingest = stack.use(await store.ingest());
  const { name, platform } = options;
  const limits = ociLimits(options.ociLimits);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const stager = new Stager({ ...options, store, ingest, pool, signal });
  const files = stack.use(
    await openFiles(source, { stager, maxDocument: largestDocument(limits), signal }),
  );
  const context: StageContext = {
    files,
    ingest,
    stager,
    limits,
    warn: options.onWarning ?? (() => {}),
    fail: (error) => stop.abort(error),
    platform,
    name: name === undefined ? undefined : formatReference(parseReference(name)),
  };
  const images = await stageImages(context);
  refuseClash(images);
  await stager.discardLeftovers();
  signal.throwIfAborted();
  note(ingest, images);
  const result = await ingest.commit();
  return images.map((image) => describe(image, result, options.host));
}

async function stageImages(context: StageContext): Promise<StagedImage[]> {
  const { files, warn } = context;
  const isOci = await has(files, "oci-layout");
  const isDocker = await has(files, "manifest.json");
  if (isOci && await has(files, "index.json")) return await stageOciLayout(context);
  if (isDocker) {
    if (isOci) warn("the archive has an oci-layout but no index.json; its manifest.json is used");
    return await stageDockerArchive(context);
  }
  const old = await has(files, "repositories");
  throw new VarveError(
    "E_FORMAT",
    `Cannot load ${files.label}: ${
      old
        ? "it is an archive of the form before Docker 1.10, which proves nothing; save it again with a current tool"
        : "it holds neither an OCI layout (oci-layout, index.json) nor a docker-archive (manifest.json)"
    }`,
    { subject: files.label },
  );
}

async function has(files: ArchiveFiles, name: string): Promise<boolean> {
  return await files.find(name) !== undefined;
}

function largestDocument({ manifest, index, config }: OciLimits): number {
  return Math.max(manifest, index, config);
}

/** @throws {VarveError} `E_NAME_CLASH` */
function refuseClash(images: readonly StagedImage[]): void {
  const taken = new Map<string, string>();
  for (const image of images) {
    for (const own of image.names) {
      const other = taken.get(own);
      if (other !== undefined && other !== image.target.digest) {
        throw new VarveError(
          "E_NAME_CLASH",
          `Cannot load ${own}: the archive gives this name to two images`,
          { subject: own, expected: other, actual: image.target.digest },
        );
      }
      taken.set(own, image.target.digest);
    }
  }
}

function note(ingest: Ingest, images: readonly StagedImage[]): void {
  for (const image of images) {
    for (const manifest of image.manifests) ingest.chain(diffIdsOf(manifest));
    if (image.names.length === 0) ingest.image(null, image.target);
    for (const name of image.names) ingest.image(name, image.target);
  }
}

function describe(
  image: StagedImage,
  result: IngestResult,
  host: Platform | undefined,
): LoadedImage {
  const manifest = primary(image.manifests, host);
  const diffIds = diffIdsOf(manifest);
  const chains = chainIds(diffIds);
  const records = new Map(result.layers.map((record) => [record.diffId, record]));
  const layers = manifest.layers.map((layer, i): LoadedLayer => ({
    digest: layer.digest,
    diffId: layer.diffId,
    chainId: chains[i] as typeof chains[number],
    size: layer.size,
    uncompressedSize: layer.uncompressedSize,
    cacheId: records.get(layer.diffId)?.cacheId ?? 0,
    processed: layer.processed,
    warnings: layer.warnings,
  }));
  return {
    names: image.names.length > 0 ? image.names : [`<none>@${image.target.digest}`],
    imageId: manifest.imageId,
    manifest: image.target.digest,
    chainId: chains.at(-1) ?? null,
    layers,
  };
}

/** The manifest for this machine, else the first. */
function primary(
  manifests: readonly StagedManifest[],
  host: Platform | undefined,
): StagedManifest {
  const [first] = manifests;
  if (first === undefined) throw new Error("a staged image has a manifest");
  if (host === undefined) return first;
  const ranked = manifests
    .map((manifest) => ({ manifest, rank: matchPlatform(host, manifest.platform) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  return ranked[0]?.manifest ?? first;
}
