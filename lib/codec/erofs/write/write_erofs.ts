import type { Tree } from "../../../tree/mod.ts";
import type { ErofsImage, WriteErofsOptions } from "../options.ts";
import { writeImage } from "./image_writer.ts";
import { planErofs } from "./plan_erofs.ts";

/**
 * Plans a tree as an EROFS metadata image: a file system whose files lie in the
 * uncompressed layer tars, which are the image's devices. No content is copied
 * but where a tar cannot be addressed. The same tree with the same locators
 * gives the same bytes.
 *
 * A layer tree gives an image for one layer of an overlay: whiteouts are devices
 * of number 0, opaque directories have `trusted.overlay.opaque`, and directories
 * with whiteouts `trusted.overlay.origin`.
 *
 * Blocks have 512 bytes: Linux 6.4 or newer mounts it, from a file 6.12.
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
 * @throws {VarveError} `E_PRECONDITION` when a file has no locator, `E_NAME_TOO_LONG` beyond 255 bytes,
 *   `E_LIMIT` when the format cannot hold a layer (2 TiB), an xattr (64 KiB), or the image, or sparse
 *   files would make it far larger than their data; `E_FORMAT`, `E_DIGEST` when a stored tree is damaged
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
