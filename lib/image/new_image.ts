import { VarveError } from "../errors.ts";
import { formatReference, parseReference } from "../oci/mod.ts";
import {
  documentLimits,
  findImage,
  readImage,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import type { ImageIngest, MadeImage } from "./contract.ts";
import { ingestImages } from "./image_ingest.ts";
import type { LoadedImage } from "./loaded_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";

/** What a new image is made of. */
export type NewImageParts = Omit<MadeImage, "kind" | "names">;

/**
 * Makes an image of layers that the store holds, or that `make` brings into the ingest.
 *
 * @throws {VarveError} `E_USAGE` for a malformed name or one with a digest · `E_LIMIT` when its manifest could not be read again
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
    // Under these limits it will be read.
    documents: documentLimits(store),
    verb: "read",
  });
  return images[0] as LoadedImage;
}

/** An image of the store, for the machine that the options tell. @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` */
export async function readStored(
  store: Store,
  reference: string,
  { host }: Pick<NewImageOptions, "host">,
): Promise<StoredImage> {
  return await readImage(store, await findImage(store, reference), { platform: host });
}

function newName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === undefined) return formatReference(reference);
  throw new VarveError(
    "E_USAGE",
    `Cannot give the name ${text}: a digest cannot be given away, name a tag`,
    { subject: text },
  );
}
