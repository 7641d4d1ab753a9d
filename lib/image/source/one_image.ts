import { VarveError } from "../../errors.ts";
import { selectManifest } from "../../oci/mod.ts";
import { platformCandidates } from "../../store/internal.ts";
import type { PlatformChoice } from "../../store/mod.ts";
import type { DescribedImage, DocumentSource, ImageSource } from "../contract.ts";

/**
 * Narrows a source to one image for one platform: that of `choice`, else the first one that the source has.
 *
 * The ingest then refuses a source with several images, with `E_USAGE`. From an index it gets one manifest.
 */
export function oneImage(source: ImageSource, choice: PlatformChoice): ImageSource {
  return {
    label: source.label,
    async images(ingest) {
      const images = await source.images(ingest);
      if (images.length !== 1) throw severalImages(source.label, images.length);
      return images.map((image) => image.kind === "made" ? image : onePlatform(image, choice));
    },
  };
}

function severalImages(label: string, count: number): VarveError {
  return new VarveError("E_USAGE", `Cannot read ${label}: it holds ${count} images`, {
    subject: label,
    hint: "name one of them",
  });
}

function onePlatform(image: DescribedImage, choice: PlatformChoice): DescribedImage {
  const { documents, target } = image;
  let isFound: Promise<boolean> = Promise.resolve(false);
  const narrowed: DocumentSource = {
    // Children are asked for in the order of children(), several at the same time. The first that is there is taken.
    document(wanted, role) {
      const isManifest = role === "manifest" && wanted.digest !== target.digest;
      if (!isManifest) return documents.document(wanted, role);
      const bytes = isFound.then((found) => found ? undefined : documents.document(wanted, role));
      isFound = Promise.all([isFound, bytes]).then(([found, one]) => found || one !== undefined);
      // Whoever asked gets the error.
      isFound.catch(() => {});
      return bytes;
    },
    layer: (wanted) => documents.layer(wanted),
    children(index, depth) {
      const there = { ...index, manifests: documents.children(index, depth) };
      const fitting = platformCandidates(there, choice);
      // Says which platforms there are.
      if (fitting.length === 0 && choice.platform !== undefined) {
        selectManifest(index, choice.platform);
      }
      return fitting;
    },
    accept: (config, depth) => documents.accept(config, depth),
  };
  return { ...image, documents: narrowed };
}
