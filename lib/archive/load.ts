import { VarveError } from "../errors.ts";
import type { LoadedImage, LoadOptions } from "../image/mod.ts";
import {
  type ImageIngest,
  type ImageSource,
  ingestImages,
  type SourceImage,
} from "../image/internal.ts";
import { formatReference, type OciLimits, ociLimits, parseReference } from "../oci/mod.ts";
import type { Store } from "../store/mod.ts";
import type { ArchiveContext } from "./archive_context.ts";
import { dockerImages } from "./docker_images.ts";
import type { ArchiveFiles } from "./files.ts";
import { ociImages } from "./oci_images.ts";
import { type ArchiveInput, labelOf, openFiles } from "./open_files.ts";

/**
 * Loads the images of an archive: a docker-archive, or an OCI layout as a tar or a directory, or a tar that is both. A
 * tar may be compressed with gzip or zstd, and may come as a path or a stream.
 *
 * Every byte is verified: blobs against their digests, layers against the diffIDs in the config. All images become
 * visible together at the end, or not at all.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such file · `E_FORMAT`, `E_JSON`, `E_MISSING`, `E_DIGEST`,
 *   `E_SIZE`, `E_DIFFID`, … bad data · `E_PLATFORM` · `E_LIMIT` · `E_USAGE` one name for several images
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
  input: ArchiveInput,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  return await ingestImages(store, archiveSource(input, options), {
    ...options,
    documents: ociLimits(options.ociLimits),
    verb: "load",
  });
}

/** Makes an archive a source of images. */
export function archiveSource(
  input: ArchiveInput,
  { name, platform }: Pick<LoadOptions, "name" | "platform"> = {},
): ImageSource {
  const fullName = name === undefined ? undefined : formatReference(parseReference(name));
  return {
    label: labelOf(input),
    async images(ingest: ImageIngest): Promise<readonly SourceImage[]> {
      const maxDocument = largestDocument(ingest.limits);
      const files = await openFiles(input, { ingest, maxDocument });
      return await imagesOf({ files, ingest, platform, name: fullName });
    },
  };
}

async function imagesOf(context: ArchiveContext): Promise<readonly SourceImage[]> {
  const { files, ingest } = context;
  const isOci = await has(files, "oci-layout");
  const isDocker = await has(files, "manifest.json");
  if (isOci && await has(files, "index.json")) return await ociImages(context);
  if (isDocker) {
    if (isOci) {
      ingest.warn("the archive has an oci-layout but no index.json; its manifest.json is used");
    }
    return await dockerImages(context);
  }
  const old = await has(files, "repositories");
  throw new VarveError(
    "E_FORMAT",
    `Cannot load ${files.label}: ${
      old
        ? "it has the format before Docker 1.10, which has no digests to verify; save it again with a current tool"
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
