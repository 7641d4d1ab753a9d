import type { Digest } from "../../digest/mod.ts";
import { defined } from "../json/fields.ts";
import { normalizePlatform, type Platform } from "../platform/platform.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Index } from "./manifest.ts";
import { MEDIA_TYPES, mediaTypeInfo } from "./media_type.ts";

/** The annotation with which BuildKit says which manifest of an index an attestation is about. */
const ATTESTED = "vnd.docker.reference.digest";

/**
 * Whether an entry of an index is an attestation or artifact, such as a signature, and not an image. Such an entry has
 * an artifact type, or the platform `unknown`.
 */
export function isAttachment({ mediaType, artifactType, platform }: Descriptor): boolean {
  if (mediaTypeInfo(mediaType)?.role === "index") return false;
  return artifactType !== undefined || platform?.os === "unknown";
}

/**
 * The digest of the manifest that an entry of an index is about, as an attestation of BuildKit says it. It is hostile
 * input, and may be no digest. `undefined` for an image, and for an attachment that does not say it.
 */
export function attestedDigest(entry: Descriptor): string | undefined {
  return isAttachment(entry) ? entry.annotations?.[ATTESTED] : undefined;
}

/** An attestation that is about another manifest, such as one with the same layers in another form. */
export function attestationAbout(entry: Descriptor, digest: Digest): Descriptor {
  return { ...entry, annotations: { ...entry.annotations, [ATTESTED]: digest } };
}

/**
 * Whether two platforms are the same: equal in their normal form, with all parts. So `linux/arm64/v8` is `linux/arm64`,
 * and `linux/amd64/v2` is not `linux/amd64`. Without a version of the operating system in `wanted`, any version fits.
 */
export function isSamePlatform(wanted: Platform, actual: Platform): boolean {
  const [a, b] = [normalizePlatform(wanted), normalizePlatform(actual)];
  if (a.os !== b.os || a.architecture !== b.architecture || a.variant !== b.variant) return false;
  if (a.osVersion !== undefined && a.osVersion !== b.osVersion) return false;
  return a.osFeatures === undefined || `${a.osFeatures}` === `${b.osFeatures}`;
}

/**
 * The entries of an index for some platforms, and the attestations that are about them, in their order.
 *
 * @example
 * ```ts
 * import { sha256 } from "@varve/varve/digest";
 * import { type Descriptor, entriesFor, MEDIA_TYPES } from "@varve/varve/oci";
 *
 * const entry = (n: number, os: string, architecture: string): Descriptor => ({
 *   mediaType: MEDIA_TYPES.manifest,
 *   digest: sha256(new Uint8Array(n)),
 *   size: n,
 *   platform: { os, architecture },
 * });
 * const [arm, amd] = [entry(1, "linux", "arm64"), entry(2, "linux", "amd64")];
 * const annotations = { "vnd.docker.reference.digest": arm.digest };
 * const attestation = { ...entry(3, "unknown", "unknown"), annotations };
 * const found = entriesFor([arm, amd, attestation], [{ os: "linux", architecture: "arm64" }]);
 * if (found[0] !== arm || found[1] !== attestation) throw new Error("amd64 is left out");
 * ```
 */
export function entriesFor(
  entries: readonly Descriptor[],
  platforms: readonly Platform[],
): readonly Descriptor[] {
  const chosen = entries.filter(({ platform }) =>
    platform !== undefined && platforms.some((wanted) => isSamePlatform(wanted, platform))
  );
  return withAttestations(entries, new Set(chosen.map(({ digest }) => digest)));
}

/** The entries that have one of the digests, and the attestations that are about them, in their order. */
export function withAttestations(
  entries: readonly Descriptor[],
  digests: ReadonlySet<string>,
): readonly Descriptor[] {
  return entries.filter((entry) =>
    digests.has(entry.digest) || digests.has(attestedDigest(entry) ?? "")
  );
}

/** The entries that do not have one of the digests, and are not attestations about one that has. */
export function withoutEntries(
  entries: readonly Descriptor[],
  digests: ReadonlySet<string>,
): readonly Descriptor[] {
  const removed = new Set(withAttestations(entries, digests));
  return entries.filter((entry) => !removed.has(entry));
}

/**
 * Adds entries to those of an index. New digests come last. An entry whose digest is there already stays where it is,
 * with its platform, and gets the annotations of the added one besides its own.
 */
export function mergedEntries(
  entries: readonly Descriptor[],
  added: readonly Descriptor[],
): readonly Descriptor[] {
  const merged = new Map<string, Descriptor>();
  for (const entry of [...entries, ...added]) {
    const before = merged.get(entry.digest);
    merged.set(entry.digest, before === undefined ? entry : withMore(before, entry));
  }
  return [...merged.values()];
}

function withMore(before: Descriptor, { annotations, platform }: Descriptor): Descriptor {
  const own = before.platform ?? platform;
  const all = Object.create(null) as Record<string, string>;
  Object.assign(all, before.annotations, annotations);
  const isPlain = Object.keys(all).length === 0;
  return defined({ ...before, platform: own, annotations: isPlain ? undefined : all });
}

/**
 * The media type for an index with these entries: Docker's manifest list stays one while it has only what such a list
 * can have, which is manifests of Docker without annotations. Everything else is an OCI index.
 */
export function indexMediaType(
  { mediaType, annotations, manifests }: Pick<Index, "mediaType" | "annotations" | "manifests">,
): string {
  const isDocker = mediaType === MEDIA_TYPES.dockerIndex && Object.keys(annotations).length === 0 &&
    manifests.every(({ mediaType, annotations }) =>
      mediaTypeInfo(mediaType)?.family === "docker" && Object.keys(annotations ?? {}).length === 0
    );
  return isDocker ? MEDIA_TYPES.dockerIndex : MEDIA_TYPES.index;
}
