import { type ByteString, fromText } from "../bytes/mod.ts";
import { isVarveError, VarveError } from "../errors.ts";
import { parsePlatform, type Platform, tryParseReference } from "../oci/mod.ts";
import {
  hostPlatform,
  type PlatformChoice,
  readImage,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import { isSource, sourceEnd } from "./sources/is_source.ts";
import { type Options, stringOption } from "./verb.ts";

/**
 * Parses the value of `--platform`. Parts that are left out are taken from this machine. @throws {VarveError} `E_USAGE`
 */
export function platformOption(value: string | undefined): Platform | undefined {
  return value === undefined ? undefined : parsePlatform(value, hostPlatform());
}

/** The option `--platform` of verbs that read images of the store. */
export const PLATFORM_OPTION: readonly [flags: string, description: string] = [
  "--platform <platform>",
  "platform to take of an index, such as linux/arm64 (default: that of its name, else this machine's)",
];

/** The platform that `--platform` asks for, and that of this machine. @throws {VarveError} `E_USAGE` */
export function platformChoice(options: Options): PlatformChoice {
  return { platform: platformOption(stringOption(options, "platform")), host: hostPlatform() };
}

/**
 * Finds an image in the store and reads it: for the platform that `--platform` asks for, else the platform recorded for
 * the name, else the platform of this machine.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE`, `E_PLATFORM`
 */
export async function openImage(
  store: Store,
  reference: string,
  options: Options,
): Promise<StoredImage> {
  try {
    return await readImage(store, reference, platformChoice(options));
  } catch (error) {
    if (!isVarveError(error, "E_NOT_FOUND") || !isSnapshot(store, reference)) throw error;
    const { message, details } = error;
    throw new VarveError(
      "E_NOT_FOUND",
      message.replace(/: there is none$/, ": it is a snapshot"),
      details,
      { cause: error },
    );
  }
}

/** Whether an argument is the key of a snapshot. Where an image has the same name, the snapshot is meant. */
export function isSnapshot(store: Store, argument: string): boolean {
  return store.snapshots.read((rows) => rows.get(argument)) !== undefined;
}

/**
 * Splits `REF:/PATH`. A reference never contains `:/`, so the first `:/` is the separator; in a source such as
 * `oci-archive:/tmp/app.tar:/PATH`, the first after the transport.
 *
 * @throws {VarveError} `E_USAGE` for a path without a slash: `app:1:etc`
 */
export function splitReferencePath(
  argument: string,
): { readonly reference: string; readonly path: ByteString } {
  const at = sourceEnd(argument);
  if (at >= 0) {
    return { reference: argument.slice(0, at), path: argumentBytes(argument.slice(at + 1)) };
  }
  if (isSource(argument)) return { reference: argument, path: fromText("/") };
  const [, reference, path] = /^((?:[^:/]+:[0-9]+\/)?[^:]+:[^:/]+):(.+)$/.exec(argument) ?? [];
  if (reference !== undefined && tryParseReference(reference) !== undefined) {
    throw new VarveError("E_USAGE", `Cannot read ${argument}: a path begins with /`, {
      subject: argument,
      hint: `write ${reference}:/${path}`,
    });
  }
  return { reference: argument, path: fromText("/") };
}

/**
 * The bytes of an argument. As in names that varve prints, `\xNN` stands for a byte and `\\` for a backslash, so that
 * the user can type every name, even if it is not UTF-8.
 */
export function argumentBytes(text: string): ByteString {
  return text.split(/(\\x[0-9a-f]{2}|\\\\)/).map((part, i) => {
    if (i % 2 === 0) return fromText(part);
    return part === "\\\\" ? "\\" : String.fromCharCode(parseInt(part.slice(2), 16));
  }).join("") as ByteString;
}
