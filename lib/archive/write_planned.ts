/** Writes planned images to archives and layouts. */
import { type PlannedImage, targetOf } from "../image/internal.ts";
import {
  imageLayers,
  type Manifest,
  type OciLimits,
  parseImageConfig,
  requireImage,
} from "../oci/mod.ts";
import type { ArchivedName, DockerDescribed } from "./layout_files.ts";
import { layoutTar } from "./layout_tar.ts";
import type { UpdateSinkOptions } from "./layout_update.ts";
import { sendLayout } from "./send_layout.ts";
import { writeFile } from "./write_file.ts";

/** What a planned image is called where it is written; see {@linkcode ArchivedName}. */
export type NameInArchive = Pick<ArchivedName, "name" | "tag">;

/**
 * Writes an image to an OCI layout directory. A new directory appears complete, or not at all. To a layout that is there
 * the image is added as by `saveToDirectory`.
 *
 * @throws {VarveError} as `saveToDirectory`
 */
export async function writeLayout(
  path: string,
  name: NameInArchive,
  { plan, blobs }: PlannedImage,
  options: UpdateSinkOptions,
): Promise<void> {
  const images = { records: [{ ...name, target: targetOf(plan) }] };
  await sendLayout(images, path, options, { plan, blobs });
}

/**
 * Writes an image to a tar, which is an OCI layout. The file appears complete, or not at all.
 *
 * @param docker limits for the config of the image, if the tar is to be a docker-archive, too. The plan is that of one
 *   manifest then
 * @throws {VarveError} as `saveToFile`; `E_NOT_IMAGE` of an artifact there is no docker-archive
 */
export async function writeArchive(
  path: string,
  name: NameInArchive,
  image: PlannedImage,
  { docker, ...options }: UpdateSinkOptions & { readonly docker?: OciLimits | undefined },
): Promise<void> {
  const { plan, blobs } = image;
  const target = targetOf(plan);
  const images = docker === undefined ? undefined : [await described(image, name, docker)];
  const tar = await layoutTar({ records: [{ ...name, target }], images }, options)
    .send(plan, blobs);
  await writeFile(path, tar, options.durability);
}

async function described(
  { plan, config: read }: PlannedImage,
  name: NameInArchive,
  limits: OciLimits,
): Promise<DockerDescribed> {
  const manifest = requireImage(plan.documents.at(-1)?.document as Manifest);
  const config = parseImageConfig(await read(manifest.config), { limits });
  return {
    record: name,
    descriptor: targetOf(plan),
    imageId: manifest.config.digest,
    layers: imageLayers(manifest, config),
    config,
  };
}
