/**
 * A copy of images: a source plans an image, whose documents are read then, and a destination writes such a plan. So no
 * pair of places needs code of its own.
 */
import type { Digest } from "../../digest/mod.ts";
import type { PlannedImage } from "../../image/internal.ts";
import type { CompressImageOptions } from "../../image/mod.ts";
import type { Platform, Reference } from "../../oci/mod.ts";
import type { PushedImage } from "../../registry/mod.ts";
import type { Options } from "../verb.ts";

/** An image that is copied. */
export interface CopiedImage extends PlannedImage {
  /** Its full name, if it has one. */
  readonly name: string | undefined;
  /** The repository that it comes from, if it comes from a registry. */
  readonly repository?: Reference | undefined;
}

/** How images are read for a copy. */
export interface CopyReading {
  readonly options: Options;
  /** The platforms that are copied; all when empty. */
  readonly platforms: readonly Platform[];
  /** The compression of layers that are not compressed. */
  readonly compression: CompressImageOptions | undefined;
}

/** Where images are copied from. */
export interface CopySource {
  /** Reads the documents of the image; in a registry those of the image with `tag`. */
  open(tag?: string): Promise<CopiedImage>;
  /** The tags of the repository. Only in a registry. */
  tags?(): Promise<readonly string[]>;
  /** The digest of a tag of the repository, if the registry says it. Only in a registry. */
  digest?(tag: string): Promise<Digest | undefined>;
}

/** Where images are copied to. */
export interface CopyDestination {
  /** Sends an image, under the name of the destination; in a repository or a layout with several tags, as `tag`. */
  send(image: CopiedImage, tag?: string): Promise<PushedImage>;
  /** The full name of a tag there, and the digest that it has, if that is known without reading it. */
  find?(tag: string): Promise<{ readonly name: string; readonly digest: Digest | undefined }>;
}

/** How images are sent for a copy. */
export interface CopySending {
  readonly options: Options;
  readonly concurrency: number | undefined;
}
