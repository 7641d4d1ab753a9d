import type { ImageSource } from "./contract.ts";

/**
 * Where images come from: an archive, an OCI layout, or an image of a registry. It is opened when it is used.
 *
 * `archiveOrigin` and `registryOrigin` make one.
 */
export interface ImageOrigin {
  /** Its name for messages. */
  readonly label: string;
}

const sources = new WeakMap<ImageOrigin, ImageSource>();

/** The public form of a source. */
export function originOf(source: ImageSource): ImageOrigin {
  const origin: ImageOrigin = { label: source.label };
  sources.set(origin, source);
  return origin;
}

/** The source behind an origin. @throws {TypeError} when it was not made by this library */
export function sourceOf(origin: ImageOrigin): ImageSource {
  const source = sources.get(origin);
  if (source !== undefined) return source;
  throw new TypeError("Cannot read an origin of images: archiveOrigin or registryOrigin makes one");
}
