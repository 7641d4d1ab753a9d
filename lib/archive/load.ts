import { VarveError } from "../errors.ts";
import type { LoadedImage, LoadOptions } from "../image/mod.ts";
import {
  type DescribedImage,
  type ImageIngest,
  type ImageSource,
  ingestImages,
  inputError,
  type SourceImage,
} from "../image/internal.ts";
import { formatReference, type OciLimits, ociLimits, parseReference } from "../oci/mod.ts";
import type { Store } from "../store/mod.ts";
import type { ArchiveContext, LayoutContext } from "./archive_context.ts";
import { dockerImages } from "./docker_images.ts";
import { type ArchiveFiles, FILES_HINT } from "./files.ts";
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
  options: LoadArchiveOptions = {},
): Promise<LoadedImage[]> {
  return await withInputErrors(input, () =>
    ingestImages(store, archiveSource(input, options), {
      ...options,
      documents: ociLimits(options.ociLimits),
      verb: "load",
    }));
}

/** Calls `read`, and adds the name of the archive to an error about its bytes. */
export async function withInputErrors<T>(
  input: ArchiveInput,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const wanted = "give an OCI layout or a docker-archive";
    throw await inputError(error, { label: labelOf(input), verb: "load", wanted });
  }
}

/** Options of {@linkcode loadImages}. */
export interface LoadArchiveOptions extends LoadOptions {
  /**
   * Load only the image that has this name in the archive: a tag (`1.0`), or a full or short image name (`app:1.0`). When
   * absent, load all images.
   */
  readonly image?: string | undefined;
  /** How to read an archive that has both forms. When absent, as an OCI layout. */
  readonly form?: "oci" | "docker" | undefined;
}

/** Makes an image source that reads an archive. */
export function archiveSource(
  input: ArchiveInput,
  { name, platform, image, form, onlyOne }:
    & Pick<LoadArchiveOptions, "name" | "platform" | "image" | "form">
    & Pick<ArchiveContext, "onlyOne"> = {},
): ImageSource {
  const fullName = name === undefined ? undefined : formatReference(parseReference(name));
  return {
    label: labelOf(input),
    async images(ingest: ImageIngest): Promise<readonly SourceImage[]> {
      const maxDocument = largestDocument(ingest.limits);
      const files = await openFiles(input, { ingest, maxDocument });
      return await imagesOf({ files, ingest, platform, name: fullName, image, onlyOne }, form);
    },
  };
}

async function imagesOf(
  context: ArchiveContext,
  form: LoadArchiveOptions["form"],
): Promise<readonly SourceImage[]> {
  const { files, ingest } = context;
  const isOci = form !== "docker" && await isLayout(files);
  const isDocker = form !== "oci" && await has(files, "manifest.json");
  if (isOci && await has(files, "index.json")) return await ociImages(context);
  if (isDocker) {
    if (isOci) {
      ingest.warn("the archive has an oci-layout but no index.json; its manifest.json is used");
    }
    return await dockerImages(context);
  }
  throw await wrongForm(files, form);
}

/** Whether an archive says that it is an OCI layout. */
async function isLayout(files: ArchiveFiles): Promise<boolean> {
  return await has(files, "oci-layout");
}

/**
 * The images of an archive that must be an OCI layout. Only its documents are read.
 *
 * @throws {VarveError} `E_FORMAT` it is none · as `ociImages`
 */
export async function layoutImages(context: LayoutContext): Promise<readonly DescribedImage[]> {
  const { files } = context;
  if (await isLayout(files) && await has(files, "index.json")) return await ociImages(context);
  throw await wrongForm(files, "oci");
}

/** The error for an archive that has not the form that is wanted. */
async function wrongForm(
  files: ArchiveFiles,
  form: LoadArchiveOptions["form"],
): Promise<VarveError> {
  const fail = (reason: string, hint: string) =>
    new VarveError("E_FORMAT", `Cannot load ${files.label}: ${reason}`, {
      subject: files.label,
      hint,
    });
  if (form !== "oci" && await has(files, "repositories")) {
    return fail(
      "it has the format before Docker 1.10, which has no digests to verify",
      "save it again with a current tool",
    );
  }
  const [oci, docker] = [
    "an OCI layout (oci-layout, index.json)",
    "a docker-archive (manifest.json)",
  ];
  return fail(
    form === undefined
      ? `it holds neither ${oci} nor ${docker}`
      : `it does not hold ${form === "oci" ? oci : docker}`,
    FILES_HINT,
  );
}

async function has(files: ArchiveFiles, name: string): Promise<boolean> {
  return await files.find(name) !== undefined;
}

function largestDocument({ manifest, index, config }: OciLimits): number {
  return Math.max(manifest, index, config);
}
