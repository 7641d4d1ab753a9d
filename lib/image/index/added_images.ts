import { escapeText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  type Descriptor,
  formatPlatform,
  isAttachment,
  isSamePlatform,
  normalizePlatform,
  type Platform,
} from "../../oci/mod.ts";
import type { Holding, ImageArgument, Store } from "../../store/mod.ts";
import { checkPlatform, indexMembers } from "./index_members.ts";

/** Options of `addToIndex`. */
export interface AddToIndexOptions {
  /** Only the images for these platforms. When absent, all of an index, or the one for which it was named or read. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Annotations of the index, besides those that it has. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Annotations of the descriptor of each image that is added, besides those that it has. */
  readonly descriptorAnnotations?: Readonly<Record<string, string>> | undefined;
  /**
   * The platform in the descriptor of the image that is added, where the config does not say all of it, such as the
   * variant. What the config says of it must be the same.
   */
  readonly descriptorPlatform?: Platform | undefined;
  /** Aborts the call. The store stays as it was. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a message about something that was left out or is unusual. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Images for an index. */
export interface AddedImages {
  /** The entries of all images, in their order. */
  readonly entries: readonly Descriptor[];
  /** Gives the added ones among the entries of an index what the options say of their descriptors. */
  withDescriptors(entries: readonly Descriptor[]): readonly Descriptor[];
  /** Messages for the user about the index that they are in now. */
  warnings(name: string, entries: readonly Descriptor[]): readonly string[];
}

/**
 * Finds images of the store for an index, and keeps them from gc.
 *
 * @throws {VarveError} as `createIndex`
 */
export async function addedImages(
  store: Store,
  holding: Holding,
  images: readonly ImageArgument[],
  options: AddToIndexOptions,
): Promise<AddedImages> {
  const { platforms, signal } = options;
  const warnings: string[] = [];
  const entries: Descriptor[] = [];
  /** Which argument an entry came from first. */
  const origins = new Map<string, number>();
  for (const [at, image] of images.entries()) {
    signal?.throwIfAborted();
    const warn = (message: string) => void warnings.push(message);
    const members = await indexMembers(store, image, { holding, platforms, warn });
    for (const entry of members) {
      entries.push(entry);
      if (!origins.has(entry.digest)) origins.set(entry.digest, at);
    }
  }
  for (const wanted of platforms ?? []) {
    if (entries.some(({ platform }) => platform && isSamePlatform(wanted, platform))) continue;
    const text = formatPlatform(wanted);
    throw new VarveError("E_PLATFORM", `Cannot make the index: no image is for ${text}`, {
      expected: text,
    });
  }
  const given = options.descriptorPlatform;
  if (given !== undefined) await checkPlatform(store, oneImage(entries, given), given);
  const added = new Set(entries.filter((one) => !isAttachment(one)).map(({ digest }) => digest));
  return {
    entries,
    withDescriptors: (all) =>
      all.map((entry) => added.has(entry.digest) ? withOptions(entry, options) : entry),
    warnings: (name, all) =>
      [...warnings, ...samePlatforms(name, all, origins)].map((one) => escapeText(one)),
  };
}

function withOptions(
  entry: Descriptor,
  { descriptorAnnotations = {}, descriptorPlatform }: AddToIndexOptions,
): Descriptor {
  const annotations = { ...entry.annotations, ...descriptorAnnotations };
  return {
    ...entry,
    platform: descriptorPlatform ?? entry.platform,
    annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
  };
}

/** The one image among entries. @throws {VarveError} `E_USAGE` there are several */
function oneImage(entries: readonly Descriptor[], given: Platform): Descriptor {
  const images = entries.filter((entry) => !isAttachment(entry));
  const count = new Set(images.map(({ digest }) => digest)).size;
  if (count === 1) return images[0] as Descriptor;
  const text = formatPlatform(given);
  throw new VarveError("E_USAGE", `Cannot set platform ${text}: ${count} images are given`, {
    subject: text,
    hint: "give one image at a time",
  });
}

/** Warnings about added images for whose platform the index has another image, of another origin. */
function samePlatforms(
  name: string,
  entries: readonly Descriptor[],
  origins: ReadonlyMap<string, number>,
): string[] {
  const first = new Map<string, number | undefined>();
  const several = new Set<string>();
  for (const entry of entries) {
    if (isAttachment(entry) || entry.platform === undefined) continue;
    const platform = formatPlatform(normalizePlatform(entry.platform));
    const origin = origins.get(entry.digest);
    if (!first.has(platform)) first.set(platform, origin);
    else if (first.get(platform) !== origin) several.add(platform);
  }
  return [...several].map((platform) =>
    `${name}: it has several images for ${platform}; most clients take the first`
  );
}
