/**
 * Composition: the layers of a chain become one EROFS image whose files lie in the layer tars.
 *
 * Nothing is extracted. A mount of the image shows the root tree of the chain. The image is composed
 * once (`composeChain`), by a job in a worker, and mounted once: all snapshots of the chain
 * share that mount. The bytes of the image are verified before it is mounted. A damaged image, one of another version
 * of the writer, and one that was composed before a layer was repaired are composed again.
 *
 * Layers that lie on the directory of a snapshot become an image of their own, which overlayfs stacks on that directory.
 * It has whiteouts and opaque marks, and lies beside the other, in `erofs-above-<below>/`.
 *
 * `chains/<cache-id>/erofs/` holds
 * - `image`, which is never written again;
 * - `image.json`, which says what the image is and which layers are its devices, and has a digest of that;
 * - `tree`, the root tree. It is kept only if folding the layers took long. A chain with one more layer begins with
 *   this tree instead of folding all layers again.
 */
import type { DiffId, Digest, TreeDigest } from "../digest/mod.ts";
import { DRIVER_FILES } from "../store/internal.ts";

/** Directory of a composed image, below `chains/<cache-id>/`. */
export const COMPOSED: "erofs" = DRIVER_FILES.composed;
/** File of the image in that directory. */
export const IMAGE = "image";
/** File of the image's description, a {@linkcode ComposedImage} as JSON. */
export const IMAGE_INFO = "image.json";
/** File of the root tree that is kept beside the image. */
export const ROOT_TREE = "tree";

/** Description of a composed image. */
export interface ComposedImage {
  /** Version of the writer of the image. An image of another version is composed again. */
  readonly version: number;
  /**
   * Generation of the chain when the image was composed. Composed images hold copies of some file contents, so an image
   * of another generation is composed again.
   */
  readonly generation: number;
  /**
   * SHA-256 of the image. The same root tree, with its file contents at the same places in the layer tars, gives the
   * same image.
   */
  readonly digest: Digest;
  /** Size of the image in bytes. */
  readonly size: number;
  /** The layers whose tars are the devices of the mount, in the order of the devices. */
  readonly devices: readonly DiffId[];
  /** Digest of the root tree that the image shows. */
  readonly tree: TreeDigest;
  /** SHA-256 of the {@linkcode ROOT_TREE} file; `null` when there is no such file. */
  readonly kept: Digest | null;
}
