/**
 * The one error class of varve, its codes, and its form across threads.
 *
 * A code is stable and literal ({@linkcode ERROR_MEANINGS}); the exit code of the command line follows
 * from it. {@linkcode isVarveError} tells whether an error is one. Bad arguments of a caller throw `TypeError` or `RangeError` instead, and
 * an aborted `signal` rethrows `signal.reason` untouched.
 *
 * @example
 * ```ts
 * import { isBadData, VarveError } from "@varve/varve/errors";
 *
 * const error = new VarveError("E_DIGEST", "Cannot store blob: digest differs", {
 *   expected: "sha256:aa",
 *   actual: "sha256:bb",
 * });
 * if (!isBadData(error)) throw new Error("a digest mismatch is bad data");
 * ```
 *
 * @module
 */

import { escapeText } from "./bytes/mod.ts";

/** Exit code of the command line for each error code. A code, once published, keeps its number. */
export const EXIT_CODES = {
  E_INTERNAL: 1,
  E_WORKER: 1,
  E_USAGE: 2,
  E_DAMAGE: 3,
  E_DB: 3,
  E_NOT_FOUND: 4,
  E_EXISTS: 5,
  E_PRECONDITION: 6,
  E_BUSY: 6,
  E_DIGEST: 7,
  E_DIGEST_FORMAT: 7,
  E_SIZE: 7,
  E_DIFFID: 7,
  E_FORMAT: 7,
  E_JSON: 7,
  E_MEDIA_TYPE: 7,
  E_AMBIGUOUS: 7,
  E_NOT_IMAGE: 7,
  E_SCHEMA1: 7,
  E_MISSING: 7,
  E_PLATFORM: 7,
  E_COMPRESSION: 7,
  E_TRAILING: 7,
  E_TRUNCATED: 7,
  E_HEADER: 7,
  E_PATH_ESCAPE: 7,
  E_ROOT_TYPE: 7,
  E_EMPTY_NAME: 7,
  E_LINK_TARGET: 7,
  E_LINKNAME: 7,
  E_LOOP: 7,
  E_NAME_TOO_LONG: 7,
  E_NOT_DIR: 7,
  E_XDEV: 7,
  E_WHITEOUT: 7,
  E_WHITEOUT_TYPE: 7,
  E_WHITEOUT_NAME: 7,
  E_DEV_RANGE: 7,
  E_TYPE: 7,
  E_ID: 7,
  E_TIME: 7,
  E_XATTR: 7,
  E_NAME_CLASH: 7,
  E_LIMIT: 8,
  E_UNSUPPORTED: 9,
  E_REGISTRY: 10,
  E_DENIED: 11,
  E_SYSCALL: 12,
  E_RULE: 13,
} as const;

/** A stable, literal error code. */
export type ErrorCode = keyof typeof EXIT_CODES;

/** All error codes, in the order of their exit codes. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(
  EXIT_CODES,
) as ErrorCode[];

/** What each error code means, in a sentence. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, string>> = {
  E_INTERNAL: "A defect of varve itself.",
  E_WORKER: "A worker died or stopped answering. Its job failed; the pool goes on.",
  E_USAGE: "The command line or an argument is wrong.",
  E_DAMAGE: "A check found damage in the store.",
  E_DB: "The metadata database cannot be used: damaged, or of another schema.",
  E_NOT_FOUND: "What the user named does not exist.",
  E_EXISTS: "The thing to create exists already.",
  E_PRECONDITION:
    "The state of the snapshot, image or store does not allow the call (containerd: FailedPrecondition).",
  E_BUSY: "Another process or a mount is using it.",
  E_DIGEST: "A digest differs from what the descriptor or the name says.",
  E_DIGEST_FORMAT: "A digest is not well formed, or of an unknown algorithm.",
  E_SIZE: "A size differs from what the descriptor says, or is not a valid size.",
  E_DIFFID: "The uncompressed bytes of a layer differ from the config's diffID.",
  E_FORMAT: "A document or an archive violates its format.",
  E_JSON: "JSON with bad syntax, a duplicate key or a value of the wrong type.",
  E_MEDIA_TYPE: "A media type that varve does not know, or two that contradict each other.",
  E_AMBIGUOUS: "A document that is a manifest and an index at once.",
  E_NOT_IMAGE: "A manifest of an artifact, or a config that is not an image config.",
  E_SCHEMA1: "Docker's manifest schema 1.",
  E_MISSING: "A document refers to something that the image or archive does not contain.",
  E_PLATFORM: "No manifest of the index fits the platform.",
  E_COMPRESSION: "A compression that varve refuses (xz, bzip2) or that contradicts the media type.",
  E_TRAILING: "Unexpected bytes after the end of a stream.",
  E_TRUNCATED: "A stream or an entry ends too early.",
  E_HEADER: "A tar header or a PAX record is malformed.",
  E_PATH_ESCAPE: "A path leads outside the root.",
  E_ROOT_TYPE: "The root is not a directory.",
  E_EMPTY_NAME: "An entry without a name.",
  E_LINK_TARGET: "A hard link whose target is not in its own layer.",
  E_LINKNAME: "A link target that is empty, holds a NUL or is too long.",
  E_LOOP: "Too many symbolic links on the way.",
  E_NAME_TOO_LONG: "A name or a path that is too long.",
  E_NOT_DIR: "A parent that is not a directory.",
  E_XDEV: "A path that crosses into another file system.",
  E_WHITEOUT: "A whiteout that hides an empty name, `.` or `..`.",
  E_WHITEOUT_TYPE: "A whiteout that is neither a regular file nor a hard link.",
  E_WHITEOUT_NAME:
    "A real file whose name begins with `.wh.`: a layer would read it as a whiteout.",
  E_DEV_RANGE: "A device number out of range.",
  E_TYPE: "An entry type that varve does not know.",
  E_ID: "A user or group id out of range.",
  E_TIME: "A time that is malformed.",
  E_XATTR: "An extended attribute that is malformed.",
  E_NAME_CLASH: "Two things in one archive or image claim the same name.",
  E_LIMIT: "A limit was exceeded; the message names the setting.",
  E_UNSUPPORTED: "This machine, kernel or user does not support the operation.",
  E_REGISTRY: "A registry answered with an error or not at all.",
  E_DENIED: "Access was denied.",
  E_SYSCALL: "A system call failed; `details.errno` names it.",
  E_RULE: "What was asked to hold does not.",
};

/** What an error says beyond its message. All values survive `postMessage` and JSON. */
export interface ErrorDetails {
  /** What was expected: a digest, a size, a type. */
  readonly expected?: string | number | undefined;
  /** What was found instead. */
  readonly actual?: string | number | undefined;
  /** The path, name, key or digest the error is about, escaped for a terminal. */
  readonly subject?: string | undefined;
  /** The name of the kernel's error, such as `"ENOSPC"`. */
  readonly errno?: string | undefined;
  /** The system call that failed. */
  readonly syscall?: string | undefined;
  /** The setting that holds the limit. */
  readonly setting?: string | undefined;
  /** The HTTP status with which a registry or a token server answered. */
  readonly status?: number | undefined;
  /** The registry's own code for its error, such as `MANIFEST_UNKNOWN`. */
  readonly registryCode?: string | undefined;
  /** What the user can do about it. */
  readonly hint?: string | undefined;
}

/** An error as a plain record: classes, names and codes do not survive `postMessage`. */
export interface ErrorRecord {
  /** Class of the error: varve's own, any other error, or an abort. */
  readonly kind: "VarveError" | "Error" | "AbortError";
  /** The code; `E_INTERNAL` for errors that are not varve's own. */
  readonly code: ErrorCode;
  /** The message, one line of text. */
  readonly message: string;
  /** Details; empty for errors that are not varve's own. */
  readonly details: ErrorDetails;
  /** Stack trace of the thread that threw it; kept for unexpected errors only, which are defects. */
  readonly stack?: string | undefined;
  /** The domain error that caused this one. */
  readonly cause?: ErrorRecord | undefined;
}

/** How many causes in a row a record keeps. A circle of causes must not hang a thread. */
const MAX_CAUSES = 4;

/** A domain error of varve. `switch (error.code)` tells them apart. */
export class VarveError extends Error {
  /** Always `"VarveError"`. */
  override readonly name = "VarveError";
  /** The stable code. */
  readonly code: ErrorCode;
  /** Expected and actual values, subject, errno. */
  readonly details: ErrorDetails;

  /** Makes an error; the message reads "Cannot <verb> <thing>: <state>". */
  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    // Messages hold names, paths and words of images, archives and registries: none of them may reach a terminal
    // or a log as it is.
    super(escapeText(message), options);
    this.code = code;
    this.details = withoutUndefined(details);
  }
}

/** Drops undefined fields, and escapes the hint, which is text for people: details are printed, and sent to other threads. */
function withoutUndefined(details: ErrorDetails): ErrorDetails {
  const hint = details.hint === undefined ? undefined : escapeText(details.hint);
  return Object.fromEntries(
    Object.entries({ ...details, hint }).filter(([, value]) => value !== undefined),
  );
}

/**
 * Whether an error is a {@linkcode VarveError}, and of a code, if one is given. Unlike `instanceof`, it
 * also knows the errors of another copy of this package, as a program may have of two versions.
 *
 * @example
 * ```ts
 * import { isVarveError, openMemoryStore, readImage } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * try {
 *   await readImage(store, "app:1");
 * } catch (error) {
 *   if (!isVarveError(error, "E_NOT_FOUND")) throw error;
 * }
 * ```
 */
export function isVarveError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is VarveError & { readonly code: Code } {
  if (!(error instanceof Error) || error.name !== "VarveError") return false;
  const { code: found, details } = error as Partial<VarveError>;
  if (typeof found !== "string" || typeof details !== "object") return false;
  return code === undefined || found === code;
}

/** The exit code of the command line for an error: 1 unless it is a {@linkcode VarveError}. */
export function exitCode(error: unknown): number {
  // Another copy of the package may have codes that this one does not know.
  return isVarveError(error) ? EXIT_CODES[error.code] ?? 1 : 1;
}

/** The exit code of the command line for an error code. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code];
}

/** The error codes that blame the data: all with exit code 7 or 8. */
export type BadDataCode = {
  [Code in ErrorCode]: (typeof EXIT_CODES)[Code] extends 7 | 8 ? Code : never;
}[ErrorCode];

/**
 * Whether the data is at fault: it is malformed, differs from its digest, or exceeds a limit
 * (`E_LIMIT`). A retry with the same bytes fails again. False for all other errors: faults of the
 * machine, the network, the store or the caller, and errors that are not a {@linkcode VarveError}.
 */
export function isBadData(error: unknown): error is VarveError & { readonly code: BadDataCode } {
  return isVarveError(error) && [7, 8].includes(EXIT_CODES[error.code]);
}

/**
 * Turns anything thrown into a record that survives
 * `postMessage`. Causes that are domain errors stay.
 */
export function toErrorRecord(error: unknown): ErrorRecord {
  return recordOf(error, MAX_CAUSES);
}

function recordOf(error: unknown, causes: number): ErrorRecord {
  if (isVarveError(error)) {
    return {
      kind: "VarveError",
      code: error.code,
      message: error.message,
      details: error.details,
      cause: causes > 0 && isVarveError(error.cause)
        ? recordOf(error.cause, causes - 1)
        : undefined,
    };
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return {
      kind: "AbortError",
      code: "E_INTERNAL",
      message: error.message,
      details: {},
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    kind: "Error",
    code: "E_INTERNAL",
    message,
    details: {},
    stack,
  };
}

/**
 * Restores the error of a record: the inverse of {@linkcode toErrorRecord} for a
 * {@linkcode VarveError}.
 */
export function fromErrorRecord(record: ErrorRecord): Error {
  if (record.kind === "AbortError") {
    return new DOMException(record.message, "AbortError");
  }
  const options = record.cause === undefined ? {} : { cause: fromErrorRecord(record.cause) };
  const error = new VarveError(record.code, record.message, record.details, options);
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}
