/**
 * Composition: the layers of a chain become one EROFS image whose files lie in
 * the layer tars. Nothing is extracted; a mount of it is a picture of the root tree.
 *
 * `chains/<cache-id>/erofs/` holds `image`, which is never written again, and `image.json`, which
 * says what it is and which layers are its devices. Where the layers share so many directories that
 * their fold was work, it holds `tree`, the root tree: a chain with a layer more begins with that.
 */
import type { DiffId, Digest, TreeDigest } from "../digest/mod.ts";
import { DRIVER_FILES } from "../store/internal.ts";

/** Directory of a composed chain below `chains/<cache-id>/`. */
export const COMPOSED: string = DRIVER_FILES.composed;
/** The image in it. */
export const IMAGE = "image";
/** What is said of the image. */
export const ABOUT = "image.json";

/** The root tree beside it. */
export const ROOT_TREE = "tree";

/** A composed image. */
export interface ComposedImage {
  /** SHA-256 of its bytes. The same root tree and locators give the same image. */
  readonly digest: Digest;
  /** Bytes of the image. */
  readonly size: number;
  /** The layers whose tars are its devices, in the order of the mount. */
  readonly devices: readonly DiffId[];
  /** The root tree that it pictures. */
  readonly tree: TreeDigest;
  /** SHA-256 of that tree's file beside it; `null` where it is not kept. */
  readonly kept: Digest | null;
}
