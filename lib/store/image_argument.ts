import type { Digest } from "../digest/mod.ts";
import type { Store } from "./contract.ts";
import { hostPlatform } from "./host_platform.ts";
import {
  findImageNames,
  type PlatformChoice,
  readRecord,
  type StoredImage,
} from "./image_lookup.ts";
import type { ImageRecord } from "./records.ts";

/**
 * An image of a store, as an argument: the text that a user types (a name, `name@digest`, an image ID
 * or a digest), its row, the image as it was read, or what a load, pull or commit returned.
 */
export type ImageArgument = string | ImageRecord | StoredImage | AddedImage;

/** An image that a call has added to a store, for example a `LoadedImage` or a `CommittedImage`. */
export interface AddedImage {
  /** Digest of its manifest or index. */
  readonly manifest: Digest;
  /** Its names. */
  readonly names?: readonly string[] | undefined;
  /** Its name, if it has only one. */
  readonly name?: string | undefined;
}

/**
 * Finds the row of an image. A text may be a name, a `name@digest`, an image ID, the digest of a
 * manifest, or a unique prefix (4 or more hexadecimal digits) of an image ID or digest.
 *
 * A full digest is always read as a digest, whatever names the store holds. In `name:tag@digest`
 * the name must exist, and the digest must be that of its image's index, manifest or config.
 *
 * @throws {VarveError} `E_NOT_FOUND` · `E_USAGE` when the text is not a reference, or is a prefix
 * of several IDs
 */
export async function findImage(store: Store, image: ImageArgument): Promise<ImageRecord> {
  if (typeof image === "string") return await findText(store, image);
  if ("record" in image) return image.record;
  return "target" in image ? image : await findAdded(store, image);
}

async function findText(store: Store, text: string): Promise<ImageRecord> {
  const [best] = await findImageNames(store, text);
  return best as ImageRecord;
}

/** Finds an added image by its names. If all of them point at other images by now, finds it by its digest. */
async function findAdded(
  store: Store,
  { manifest, name, names = name === undefined ? [] : [name] }: AddedImage,
): Promise<ImageRecord> {
  for (const name of names) {
    const record = store.images.get(name);
    if (record?.target.digest === manifest) return record;
  }
  return await findText(store, manifest);
}

/**
 * Reads an image. When its target is an index, the best match among the manifests that the store
 * holds is read. The platform to match is `platform`, otherwise the platform that the name was given
 * for ({@linkcode ImageRecord.platform}), otherwise `host`.
 *
 * @throws {VarveError} as {@linkcode findImage} · `E_PLATFORM` the store holds no suitable manifest ·
 * `E_NOT_IMAGE` the target is an artifact · `E_DAMAGE`, `E_SIZE`, `E_DIGEST` the store is damaged
 *
 * @example
 * ```ts
 * import { importImage, openMemoryStore, readImage } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * await importImage(store, new Blob([new Uint8Array(1024)]).stream(), { name: "empty:1" });
 * const { config } = await readImage(store, "empty:1");
 * if (config.platform.os !== "linux") throw new Error("varve runs on Linux");
 * ```
 */
export async function readImage(
  store: Store,
  image: ImageArgument,
  { platform, host = hostPlatform() }: PlatformChoice = {},
): Promise<StoredImage> {
  if (typeof image !== "string" && "record" in image && platform === undefined) return image;
  return await readRecord(store, await findImage(store, image), { platform, host });
}
