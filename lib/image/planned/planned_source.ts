import type { Digest } from "../../digest/mod.ts";
import type { DescribedImage, ImageSource, StreamContent } from "../contract.ts";
import type { Descriptor } from "../../oci/mod.ts";
import { targetOf } from "../plan.ts";
import type { PlannedImage } from "./planned_image.ts";

/**
 * A source for a planned image, which brings it into a store.
 *
 * @param label name of the image for messages
 * @param names full names for the image
 */
export function plannedSource(
  label: string,
  names: readonly string[],
  { plan, blobs, config }: PlannedImage,
): ImageSource {
  const documents = new Map<Digest, Uint8Array>(
    plan.documents.map(({ digest, document }) => [digest, document.raw]),
  );
  const content = (blob: Descriptor): StreamContent => ({
    kind: "stream",
    size: blob.size,
    open: (signal) => Promise.resolve(opened(() => blobs.open(blob, 0, signal))),
  });
  const image: DescribedImage = {
    kind: "described",
    names,
    target: targetOf(plan),
    documents: {
      document: async (wanted, role) =>
        role === "config" ? await config(wanted) : documents.get(wanted.digest),
      layer: ({ digest, size, mediaType }) =>
        Promise.resolve(content({ digest, size, mediaType } as Descriptor)),
      children: ({ manifests }) => manifests,
      accept: () => {},
      part: (part) => Promise.resolve(content(part)),
    },
  };
  return { label, images: () => Promise.resolve([image]) };
}

/** Opens a stream when the first bytes are asked for: a layer whose job never starts is not opened. */
async function* opened(
  open: () => Promise<AsyncIterable<Uint8Array>>,
): AsyncGenerator<Uint8Array> {
  yield* await open();
}
