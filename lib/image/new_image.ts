import { VarveError } from "../errors.ts";
import { formatReference, parseReference } from "../oci/mod.ts";
import { documentLimits, type Store } from "../store/mod.ts";
import type { ImageIngest, MadeImage } from "./contract.ts";
import { ingestImages } from "./image_ingest.ts";
import type { LoadedImage } from "./loaded_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";

/** Config, layers and annotations of a new image. */
export type NewImageParts = Omit<MadeImage, "kind" | "names">;

/**
 * Makes an image from the config and layers that `make` returns. The layers are in the store or in the ingest.
 *
 * @throws {VarveError} `E_USAGE` for a name that is malformed or contains a digest · `E_LIMIT` when the new manifest
 * is larger than the store's limit for manifests
 */
export async function makeImage(
  store: Store,
  options: NewImageOptions,
  make: (ingest: ImageIngest) => Promise<NewImageParts>,
): Promise<LoadedImage> {
  const name = newName(options.name);
  const images = await ingestImages(store, {
    label: name,
    images: async (ingest) => [{ kind: "made", names: () => [name], ...await make(ingest) }],
  }, {
    ...options,
    // The image will be read under these limits, so it must fit them now.
    documents: documentLimits(store),
    verb: "read",
  });
  return images[0] as LoadedImage;
}

/** The full name that a new image gets. @throws {VarveError} `E_USAGE` */
export function newName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === undefined) return formatReference(reference);
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${text} as a name: a digest cannot be assigned, give a tag`,
    { subject: text },
  );
}
