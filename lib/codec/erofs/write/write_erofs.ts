import type { Tree } from "../../../tree/mod.ts";
import type { ErofsImage, WriteErofsOptions } from "../options.ts";
import { writeImage } from "./image_writer.ts";
import { planErofs } from "./plan_erofs.ts";

/**
 * Plans the EROFS image of a tree. The image holds only metadata: the content of files lies in the
 * uncompressed layer tars, which are the devices of the image. Content is copied into the image
 * only if the format cannot address it in a tar. The same tree with the same locators results in
 * the same bytes.
 *
 * A layer tree becomes the image of one layer of an overlay: whiteouts are character devices 0:0,
 * opaque directories have the xattr `trusted.overlay.opaque`, and directories with whiteouts have
 * the xattr `trusted.overlay.origin`.
 *
 * Blocks have 512 bytes. This needs Linux 6.4 or newer, and 6.12 to mount from a file without a
 * loop device.
 *
 * @example
 * ```ts
 * import { writeErofs } from "@varve/varve/erofs";
 * import { emptyTree } from "@varve/varve/tree";
 *
 * const image = writeErofs(emptyTree("root"));
 * let size = 0;
 * image.write((bytes) => size += bytes.length);
 * if (size !== image.size) throw new Error("an image is as large as it was planned");
 * ```
 *
 * @throws {VarveError} `E_PRECONDITION` when a file has no locator, `E_NAME_TOO_LONG` for a name of
 *   more than 255 bytes, `E_LIMIT` when a layer (2 TiB), an xattr (64 KiB) or the image is too
 *   large for the format, or when sparse files need far more space than their data; `E_FORMAT`,
 *   `E_DIGEST` when a stored tree is damaged
 * @throws {TypeError} when content must be copied and `read` is missing
 */
export function writeErofs(tree: Tree, options: WriteErofsOptions = {}): ErofsImage {
  const plan = planErofs(tree, options);
  return {
    size: plan.size,
    inodes: plan.inodes,
    devices: plan.devices.map(({ source }) => source),
    copied: plan.survey.files.copied,
    write: (sink) => writeImage(plan, options, sink),
  };
}
