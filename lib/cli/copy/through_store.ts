/** Images of the store for a copy, and images that a temporary store must hold for it. */
import { loadOne } from "../../archive/internal.ts";
import { VarveError } from "../../errors.ts";
import { planSelected, storedBlobs } from "../../image/internal.ts";
import { compressImage } from "../../image/mod.ts";
import { type Descriptor, type ImageDocument, parseDocument } from "../../oci/mod.ts";
import { hostPlatform, openStore } from "../../store/mod.ts";
import { type DiskStore, documentLimits, findImage, narrowImage } from "../../store/mod.ts";
import type { Context } from "../context.ts";
import { warnOfLayers } from "../report_images.ts";
import { adoptSettings } from "../sources/adopt_settings.ts";
import { readingOptions } from "../sources/reading_options.ts";
import { sourceDirectory } from "../sources/source_directory.ts";
import type { CopiedImage, CopyReading } from "./contract.ts";
import type { Place } from "./place.ts";

/** An image of a store. */
interface ImageOfStore {
  readonly store: DiskStore;
  /** How the store finds it. */
  readonly reference: string;
  /** The place that it comes from, if the user did not name the store. */
  readonly place?: string | undefined;
}

/** Plans an image of a store, or some of its platforms. What is compressed for it is kept until the verb ends. */
export async function planOfStore(
  context: Context,
  { store, reference, place }: ImageOfStore,
  { platforms, compression }: CopyReading,
): Promise<CopiedImage> {
  const found = await findImage(store, reference);
  let record = platforms.length > 1 ? found : await narrowImage(store, found, platforms[0]);
  if (compression !== undefined) {
    const holding = context.use(await store.ingest());
    record = await compressImage(store, record, { ...compression, holding });
  }
  const absent = ({ digest }: Descriptor) =>
    new VarveError(
      place === undefined ? "E_PRECONDITION" : "E_MISSING",
      `Cannot copy ${place ?? reference}: its part ${digest} is not ${
        place === undefined ? "in the store" : "there"
      }`,
      { subject: digest, hint: "choose a platform that is there, with --platform" },
    );
  const limits = documentLimits(store);
  const { digest } = record.target;
  const read = async (wanted: Descriptor): Promise<ImageDocument> => {
    const { digest, mediaType } = wanted;
    if (store.blobs.stat(digest) === undefined) throw absent(wanted);
    const bytes = await store.blobs.read(digest, Math.max(limits.manifest, limits.index));
    return parseDocument(bytes, { mediaType, limits });
  };
  const image = await planSelected({ digest, document: await read(record.target) }, {
    label: place ?? reference,
    platforms: platforms.length > 1 ? platforms : [],
    limits,
    read,
    check: (part) => {
      if (store.blobs.stat(part.digest) === undefined) throw absent(part);
    },
    distributable: { warn: (message) => context.warn(message) },
    blobs: storedBlobs(store),
    config: (blob) => store.blobs.read(blob.digest, limits.config),
  });
  return { ...image, name: record.name.startsWith("<none>") ? undefined : record.name };
}

/**
 * Plans an image of an archive that can be read only once, or whose manifest has to be made: loads it into a store in a
 * temporary directory, which is removed when the verb ends.
 */
export async function planThroughStore(
  context: Context,
  { path, name, kind, text: place }: Exclude<Place, { kind: "registry" | "store" }>,
  reading: CopyReading,
): Promise<CopiedImage> {
  const { path: root } = context.use(await sourceDirectory());
  const store = context.use(await openStore({ root, durability: "none" }));
  await adoptSettings(context, store);
  const images = await loadOne(store, path, {
    ...await readingOptions(context, store),
    host: hostPlatform(),
    onWarning: (message) => context.warn(message),
    image: name,
    form: kind === "docker-archive" ? "docker" : "oci",
  });
  context.endProgress();
  warnOfLayers(context, images);
  const reference = images[0]?.names[0] as string;
  return await planOfStore(context, { store, reference, place }, reading);
}
