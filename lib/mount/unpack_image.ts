import { extractInPool } from "../directory/internal.ts";
import type { ExtractReport } from "../directory/mod.ts";
import { requireDisk } from "../store/internal.ts";
import { type ImageArgument, readImage, type Store } from "../store/mod.ts";
import type { UnpackOptions } from "./unpack_options.ts";
import { unpackWith } from "./unpack_with.ts";

/**
 * Unpacks an image as plain files. The directory appears complete or not at all: it is filled under
 * another name beside the target, then renamed.
 *
 * When the caller is not root, the caller owns all files. Devices and privileged attributes are then
 * left out, and the report counts them.
 *
 * @throws {VarveError} `E_USAGE` the target is in the store · `E_EXISTS` it is not an empty directory · `E_NOT_FOUND`
 * its parent is missing · `E_BUSY` another process unpacks there · `E_UNSUPPORTED` the store has no directories ·
 * `E_XDEV` something is mounted inside the target · `E_PATH_ESCAPE` a directory was swapped meanwhile · `E_TYPE` a
 * device, if `devices` says so · `E_MISSING`, `E_DAMAGE` a layer is incomplete · `E_DIGEST` bytes of a layer are
 * damaged; this is noted · `E_SYSCALL`
 *
 * @example
 * ```ts ignore
 * const report = await unpackImage(store, "app:1", "rootfs");
 * ```
 */
export async function unpackImage(
  store: Store,
  image: ImageArgument,
  path: string,
  options: UnpackOptions = {},
): Promise<ExtractReport> {
  const disk = requireDisk(store, "unpack");
  options.signal?.throwIfAborted();
  const { layers } = await readImage(disk, image, options);
  const diffIds = layers.map((layer) => layer.diffId);
  return await unpackWith(
    disk,
    path,
    options,
    undefined,
    (work) => extractInPool({ ...work, store: disk, diffIds, form: "root" }),
  );
}
