import { VarveError } from "../errors.ts";
import { chainIds } from "../layer/mod.ts";
import { formatReference, matchPlatform, parseReference, type Platform } from "../oci/mod.ts";
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
import type { LoadedImage, LoadedLayer, LoadOptions } from "./types.ts";

/**
 * Loads the images of an archive: a docker-archive, an OCI layout as tar or
 * directory, or both in one; plain, gzip or zstd; a path or a stream.
 *
 * Every byte is proved: blobs against their digests, layers against the diffIDs
 * of the config. All images become visible at once, at the end, or none does.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such file · `E_FORMAT`, `E_JSON`, `E_MISSING`, `E_DIGEST`,
 *   `E_SIZE`, `E_DIFFID`, … bad data · `E_LIMIT` · `E_USAGE` a name for several images
 *
 * @example
 * ```ts ignore
 * import { loadImages, openStore } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/tmp/varve" });
 * const [image] = await loadImages(store, "app.tar", { name: "app:1" });
 * console.log(image?.imageId, image?.layers.length);
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
  const { policy, limits, signal, onProgress } = options;
  const stager = new Stager({
    store,
    ingest,
    pool,
    ...(policy === undefined ? {} : { policy }),
    ...(limits === undefined ? {} : { limits }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const files = stack.use(await openFiles(source, stager, signal));
  const warn = options.onWarning ?? (() => {});
  const { platform } = options;
  const context: StageContext = {
    files,
    ingest,
    stager,
    warn,
    ...(platform === undefined ? {} : { platform }),
  };
  const images = named(await stageImages(context), options.name);
  await stager.discardLeftovers();
  signal?.throwIfAborted();
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

/** Gives names. @throws {VarveError} `E_USAGE`, `E_NAME_CLASH` */
function named(images: readonly StagedImage[], name: string | undefined): StagedImage[] {
  if (name !== undefined) {
    const full = formatReference(parseReference(name));
    const [image] = images;
    if (image === undefined || images.length > 1) {
      throw new VarveError(
        "E_USAGE",
        `Cannot name the images ${JSON.stringify(name)}: the archive holds ${images.length}`,
      );
    }
    return [{ ...image, names: [full] }];
  }
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
  return [...images];
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
