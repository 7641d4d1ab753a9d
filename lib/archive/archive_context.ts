import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { ImageIngest } from "../image/internal.ts";
import {
  formatPlatform,
  formatReference,
  isDigestLikeName,
  matchPlatform,
  parseReference,
  type Platform,
  type Reference,
  tryParseReference,
} from "../oci/mod.ts";
import type { ArchiveFiles } from "./files.ts";

/** Input of `dockerImages`. */
export interface ArchiveContext extends LayoutContext {
  readonly ingest: ImageIngest;
}

/** What an archive is read for, as far as only its documents are concerned. */
export type DocumentReading = Pick<ImageIngest, "limits" | "signal" | "warn">;

/** Input of `ociImages`. */
export interface LayoutContext {
  readonly files: ArchiveFiles;
  readonly ingest: DocumentReading;
  /** Load only this platform of an index. When `undefined`, load all platforms. */
  readonly platform: Platform | undefined;
  /** Full name for the image, instead of its names in the archive. */
  readonly name: string | undefined;
  /** Load only the image that has this name in the archive. When `undefined`, load all images. */
  readonly image?: string | undefined;
  /** Refuse an archive with several images before any of them is read. */
  readonly onlyOne?: boolean | undefined;
}

/**
 * Picks the images that have the name {@linkcode ArchiveContext.image}. When it is `undefined`, picks all images.
 *
 * @param namesOf returns the names that an image has in the archive; they may be malformed
 * @throws {VarveError} `E_NOT_FOUND` when no image has that name
 */
export function chosenImages<T>(
  { image, files }: LayoutContext,
  images: readonly T[],
  namesOf: (image: T) => readonly string[],
): readonly T[] {
  if (image === undefined) return images;
  const full = fullName(image);
  const chosen = images.filter((one) =>
    namesOf(one).some((name) => name === image || (full !== undefined && fullName(name) === full))
  );
  if (chosen.length > 0) return chosen;
  const names = images.flatMap(namesOf).slice(0, 10).join(", ");
  throw new VarveError(
    "E_NOT_FOUND",
    `Cannot load ${image} of ${files.label}: the archive has no image of that name`,
    { subject: image, hint: names === "" ? "its images have no names" : `it has ${names}` },
  );
}

function fullName(text: string): string | undefined {
  const reference = tryParseReference(text);
  return reference === undefined ? undefined : formatReference(reference);
}

/**
 * Refuses several images where one is wanted, and a single name for several, before any image is read.
 *
 * @param names the names that the images have in the archive
 * @throws {VarveError} `E_USAGE`
 */
export function refuseSeveral(
  { name, files, onlyOne }: LayoutContext,
  images: number,
  names: readonly string[],
): void {
  if (images === 1) return;
  if (onlyOne === true && images > 1) {
    throw new VarveError("E_USAGE", `Cannot read ${files.label}: it holds ${images} images`, {
      subject: files.label,
      hint: names.length === 0
        ? "none of them has a name"
        : `name one of them: ${names.slice(0, 10).join(", ")}`,
    });
  }
  if (name === undefined) return;
  throw new VarveError(
    "E_USAGE",
    `Cannot give the name ${name} to ${files.label}: it holds ${images} images`,
    { subject: name, hint: "load it without a name, then tag" },
  );
}

/**
 * The name that the user gives the image; `undefined` when the user gives no name.
 *
 * @throws {VarveError} `E_USAGE` when the name contains the digest of another image
 */
export function givenName({ name, files }: LayoutContext, digest: Digest): string | undefined {
  if (name === undefined || namesDigest(parseReference(name), digest)) return name;
  throw new VarveError(
    "E_USAGE",
    `Cannot give the name ${name} to ${files.label}: the digest in the name is not that of the image`,
    { subject: name, actual: digest },
  );
}

/**
 * The full name that the archive gives an image. A name that is malformed or contains the digest of another image is
 * left out with a warning, and the result is `undefined`.
 */
export function claimedName(
  { ingest }: LayoutContext,
  text: string,
  digest: Digest,
): string | undefined {
  const reference = tryParseReference(text);
  if (reference !== undefined && namesDigest(reference, digest)) return formatReference(reference);
  const why = reference !== undefined
    ? "has the digest of another image"
    : isDigestLikeName(text)
    ? "reads as a digest"
    : "is malformed";
  ingest.warn(`the archive's image name ${JSON.stringify(text)} ${why} and was left out`);
  return undefined;
}

function namesDigest(reference: Reference, digest: Digest): boolean {
  return reference.digest === undefined || reference.digest === digest;
}

/** Refuses an image for a platform that the user did not ask for. @throws {VarveError} `E_PLATFORM` */
export function refuseOtherPlatform({ platform, files }: LayoutContext, found: Platform): void {
  if (platform === undefined || matchPlatform(platform, found) >= 0) return;
  throw new VarveError(
    "E_PLATFORM",
    `Cannot load ${files.label}: an image in it is for another platform`,
    { expected: formatPlatform(platform), actual: formatPlatform(found) },
  );
}
