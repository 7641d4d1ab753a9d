import { algorithmOf, type DiffId, type Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type Descriptor,
  descriptorToJson,
  encodeJson,
  isDigestLikeName,
  parseDescriptor,
  parseStrictJson,
} from "../oci/mod.ts";
import type { LayerKey, NameOptions } from "./contract.ts";
import type { LayerRecord } from "./records.ts";

/**
 * Maximum length of a name, key or id of a row, in UTF-16 units. These texts are stored only in
 * rows, never in paths.
 */
export const MAX_NAME = 4096;
/** Largest document, in bytes, that `Blobs.read` reads unless the caller sets a limit. */
export const MAX_DOCUMENT: number = 4 * 1024 * 1024;
/** Media type of a blob that is a layer's uncompressed tar. */
export const PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar";

/** A name that a commit points at a target; `null` stands for `<none>@<digest>`. */
export interface NamedTarget extends NameOptions {
  readonly name: string | null;
  readonly target: Descriptor;
}

/**
 * Checks a name, key or id of a row. SQLite cuts text at a NUL and turns a lone surrogate into
 * U+FFFD, so two different names could become the same name.
 *
 * @param what the kind of thing that is named, for the message
 * @throws {RangeError} when the name is empty, too long, holds a NUL or is not well-formed UTF-16
 */
export function checkName(what: string, name: string): void {
  if (name === "" || name.length > MAX_NAME || name.includes("\0") || !name.isWellFormed()) {
    throw new RangeError(
      `Cannot use ${what} ${
        JSON.stringify(name.slice(0, 80))
      }: not 1 to ${MAX_NAME} characters of text`,
    );
  }
}

/**
 * Checks an image name. A store calls this for each name that it sets, so no caller can skip the
 * check.
 *
 * @throws {RangeError} as {@linkcode checkName}
 * @throws {VarveError} `E_USAGE` when the name reads as a digest or an image ID. A user who gives that
 * digest or ID could then get other content
 */
export function checkImageName(name: string): void {
  checkName("image name", name);
  if (!isDigestLikeName(name)) return;
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(name)} as an image name: it reads as a digest or an image ID`,
    { subject: name, hint: "give another repository name" },
  );
}

/**
 * Converts the target of a name to the form that a store keeps: the descriptor as it is read back
 * from its JSON, without embedded data. So a target that cannot be read back is refused before it
 * is stored.
 *
 * @throws {VarveError} as `parseDescriptor`
 */
export function keptTarget(target: Descriptor): Descriptor {
  return parseDescriptor(parseStrictJson(encodeJson(descriptorToJson(target))), "image target");
}

/** How the name of an image begins that nobody has named. */
export const NAMELESS = "<none>@";

/** The name `<none>@<digest>`, which stands in the row of an image that nobody has named. */
export function namelessImage(digest: Digest): string {
  return `${NAMELESS}${digest}`;
}

/**
 * The name of the row to remove when an image gets the name `name`: the image's row
 * `<none>@<digest>`. A spare name removes no row, because it may be removed again.
 */
export function replacedName(name: string, digest: Digest, spare: boolean): string | undefined {
  const nameless = namelessImage(digest);
  return spare || name === nameless ? undefined : nameless;
}

/**
 * Checks that nobody has moved a name since its target was read.
 *
 * @param actual digest of the target that the name has now; `undefined` for none
 * @throws {VarveError} `E_BUSY`
 */
export function checkPrevious(
  name: string,
  actual: string | undefined,
  { previous }: NameOptions,
): void {
  if (previous === undefined || previous === actual) return;
  throw new VarveError("E_BUSY", `Cannot change ${name}: another process changed it meanwhile`, {
    subject: name,
    expected: previous,
    actual,
    hint: "run the command again",
  });
}

/**
 * The names of a layer's locks while it is made, in the order in which they are taken: diffID
 * first. Every maker takes them in the same order, so that two makers never wait for each other. A
 * layer without a known digest is not locked.
 */
export function lockNames(key: LayerKey): Digest[] {
  const names: Digest[] = [];
  if (key.diffId !== undefined) names.push(key.diffId);
  if (key.digest !== undefined && key.digest !== key.diffId) names.push(key.digest);
  return names;
}

/**
 * Finds the layer that a key names. It finds no layer if the key's diffID is not a SHA-256 and was
 * not proved yet. The caller then makes the layer, which proves or refutes the diffID.
 *
 * @throws {VarveError} `E_DIFFID` when the blob of the key was proved to hold another layer than
 * `key.diffId`
 */
export function findLayer(
  key: LayerKey,
  byDiffId: (diffId: DiffId) => LayerRecord | undefined,
  byBlob: (digest: Digest) => LayerRecord | undefined,
): LayerRecord | undefined {
  // The uncompressed tar is also a blob of its layer, even if the layer was made from a compressed
  // blob.
  const known = key.digest === undefined
    ? undefined
    : byBlob(key.digest) ?? byDiffId(key.digest as DiffId);
  const named = key.diffId === undefined ? undefined : byDiffId(key.diffId);
  if (known !== undefined && key.diffId !== undefined && known.diffId !== named?.diffId) {
    if (algorithmOf(key.diffId) !== "sha256") return undefined;
    if (known.diffId === key.diffId) return known;
    throw otherLayer(key, known.diffId);
  }
  return known ?? named;
}

/** The error about a blob that was proved to hold another layer than its key's diffID. */
export function otherLayer({ digest, diffId }: LayerKey, actual: DiffId): VarveError {
  return new VarveError(
    "E_DIFFID",
    `Cannot take layer ${digest}: it holds ${actual}, not ${diffId}`,
    { expected: diffId, actual },
  );
}

/** The error about a thing that the store does not hold. `what` is its kind. */
export function notFound(what: string, name: string): VarveError {
  return new VarveError("E_NOT_FOUND", `Cannot find ${what} ${JSON.stringify(name).slice(1, -1)}`, {
    subject: JSON.stringify(name).slice(1, -1),
  });
}

/** The error about a document that is larger than the limit for reading it whole. */
export function tooLarge(digest: Digest, size: number, limit: number): VarveError {
  return new VarveError(
    "E_LIMIT",
    `Cannot read blob ${digest}: ${size} bytes are more than ${limit}`,
    { expected: limit, actual: size, subject: digest },
  );
}
