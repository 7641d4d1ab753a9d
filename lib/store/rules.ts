import type { DiffId, Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type Descriptor,
  descriptorToJson,
  encodeJson,
  parseDescriptor,
  parseStrictJson,
} from "../oci/mod.ts";
import type { LayerKey, SpareOptions } from "./contract.ts";
import type { LayerRecord } from "./records.ts";

/** Longest name, key or id of a row, in UTF-16 units. They live in rows only, never in a path. */
export const MAX_NAME = 4096;
/** Documents above this size are streams to a store. */
export const MAX_DOCUMENT: number = 4 * 1024 * 1024;
/** Media type of a layer that is not compressed, for blobs that the store names itself. */
export const PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar";

/** A name that a commit gives; `null` is `<none>@<digest>`. */
export interface NamedTarget extends SpareOptions {
  readonly name: string | null;
  readonly target: Descriptor;
}

/**
 * Judges the name of a row: SQLite would cut it at a NUL and turn a lone surrogate into U+FFFD, so that
 * two names became one.
 *
 * @throws {RangeError} when it is empty, too long, holds a NUL or is no well-formed text
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
 * A target as a store keeps it: what its JSON says, without embedded data.
 *
 * @throws {VarveError} as `parseDescriptor` does, when it is no descriptor
 */
export function keptTarget(target: Descriptor): Descriptor {
  return parseDescriptor(parseStrictJson(encodeJson(descriptorToJson(target))), "image target");
}

/** The name of an image row that has none of its own. */
export function namelessImage(digest: Digest): string {
  return `<none>@${digest}`;
}

/** The names that lock a layer while it is made, in the order in which they are taken. Of bytes that nobody knows yet there are none. */
export function lockNames(key: LayerKey): Digest[] {
  const names: Digest[] = [];
  if (key.diffId !== undefined) names.push(key.diffId);
  if (key.digest !== undefined && key.digest !== key.diffId) names.push(key.digest);
  return names;
}

/**
 * Finds the layer of a key. What a digest inflates to was proved before, so that another claim about it is a lie.
 *
 * @throws {VarveError} `E_DIFFID`
 */
export function findLayer(
  key: LayerKey,
  byDiffId: (diffId: DiffId) => LayerRecord | undefined,
  byBlob: (digest: Digest) => LayerRecord | undefined,
): LayerRecord | undefined {
  // The tar is a blob of its own layer, whatever other blob the layer was made of.
  const known = key.digest === undefined
    ? undefined
    : byBlob(key.digest) ?? byDiffId(key.digest as DiffId);
  if (known !== undefined && key.diffId !== undefined && known.diffId !== key.diffId) {
    throw new VarveError(
      "E_DIFFID",
      `Cannot take layer ${key.digest}: it holds ${known.diffId}, not ${key.diffId}`,
      { expected: key.diffId, actual: known.diffId },
    );
  }
  return known ?? (key.diffId === undefined ? undefined : byDiffId(key.diffId));
}

/** The error of something that is not here. */
export function notFound(what: string, name: string): VarveError {
  return new VarveError("E_NOT_FOUND", `Cannot find ${what} ${JSON.stringify(name).slice(1, -1)}`, {
    subject: JSON.stringify(name).slice(1, -1),
  });
}

/** The error of a document that is read whole but is too large for that. */
export function tooLarge(digest: Digest, size: number, limit: number): VarveError {
  return new VarveError(
    "E_LIMIT",
    `Cannot read blob ${digest}: ${size} bytes are more than ${limit}`,
    { expected: limit, actual: size, subject: digest },
  );
}
