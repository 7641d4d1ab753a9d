/**
 * The one error class of varve, its codes, and its form across threads.
 *
 * A code is stable and literal; the exit code of the command line follows from
 * it. Bad arguments of a caller throw `TypeError` or `RangeError` instead, and
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

/** Exit code of the command line for each error code. A code, once published, keeps its number. */
export const EXIT_CODES = {
  /** A defect of varve itself. */
  E_INTERNAL: 1,
  /** A worker died or fell silent; the job failed, the pool goes on. */
  E_WORKER: 1,
  /** The command line or an argument is wrong. */
  E_USAGE: 2,
  /** A check found damage in the store. */
  E_DAMAGE: 3,
  /** The metadata database cannot be used: damaged, or of another schema. */
  E_DB: 3,
  /** What the user named does not exist. */
  E_NOT_FOUND: 4,
  /** What the user wants to make exists already. */
  E_EXISTS: 5,
  /** The state of a thing does not allow the call (containerd: FailedPrecondition). */
  E_PRECONDITION: 6,
  /** Another process or mount uses the thing. */
  E_BUSY: 6,
  /** A digest differs from what the descriptor or the name says. */
  E_DIGEST: 7,
  /** A digest is not well formed, or of an unknown algorithm. */
  E_DIGEST_FORMAT: 7,
  /** A size differs from what the descriptor says, or is no valid size. */
  E_SIZE: 7,
  /** The uncompressed bytes of a layer differ from the config's diffID. */
  E_DIFFID: 7,
  /** A document or an archive is not what its format says. */
  E_FORMAT: 7,
  /** JSON that is not strict: syntax, duplicate key, depth, type. */
  E_JSON: 7,
  /** A media type that varve does not know or that contradicts another. */
  E_MEDIA_TYPE: 7,
  /** A document that is a manifest and an index at once. */
  E_AMBIGUOUS: 7,
  /** An artifact, or a config that is no image config. */
  E_NOT_IMAGE: 7,
  /** Docker's manifest schema 1. */
  E_SCHEMA1: 7,
  /** Something that a document names is missing inside the image or archive. */
  E_MISSING: 7,
  /** No manifest of the index fits the platform. */
  E_PLATFORM: 7,
  /** A compression that varve refuses (xz, bzip2) or that contradicts the media type. */
  E_COMPRESSION: 7,
  /** Bytes behind the end of a stream that do not belong there. */
  E_TRAILING: 7,
  /** A stream or an entry ends too early. */
  E_TRUNCATED: 7,
  /** A tar header or a PAX record is malformed. */
  E_HEADER: 7,
  /** A path leads outside of the root. */
  E_PATH_ESCAPE: 7,
  /** The root is not a directory. */
  E_ROOT_TYPE: 7,
  /** An entry without a name. */
  E_EMPTY_NAME: 7,
  /** A hard link whose target is not in its own layer. */
  E_LINK_TARGET: 7,
  /** A link target that is empty, holds a NUL or is too long. */
  E_LINKNAME: 7,
  /** Too many symbolic links on the way. */
  E_LOOP: 7,
  /** A name or a path that is too long. */
  E_NAME_TOO_LONG: 7,
  /** A parent that is not a directory. */
  E_NOT_DIR: 7,
  /** A path that crosses into another file system. */
  E_XDEV: 7,
  /** A whiteout without a usable name. */
  E_WHITEOUT: 7,
  /** A whiteout that is neither a regular file nor a hard link. */
  E_WHITEOUT_TYPE: 7,
  /** A real file whose name is that of a whiteout. */
  E_WHITEOUT_NAME: 7,
  /** A device number out of range. */
  E_DEV_RANGE: 7,
  /** An entry type that varve does not know. */
  E_TYPE: 7,
  /** A user or group id out of range. */
  E_ID: 7,
  /** A time that is malformed. */
  E_TIME: 7,
  /** An extended attribute that is malformed. */
  E_XATTR: 7,
  /** A name that two things of one archive or image claim. */
  E_NAME_CLASH: 7,
  /** A limit was exceeded; the message names the setting. */
  E_LIMIT: 8,
  /** This machine, kernel or user cannot do it. */
  E_UNSUPPORTED: 9,
  /** A registry answered with an error or not at all. */
  E_REGISTRY: 10,
  /** Access was denied. */
  E_DENIED: 11,
  /** A system call failed; `details.errno` names it. */
  E_SYSCALL: 12,
} as const;

/** A stable, literal error code. */
export type ErrorCode = keyof typeof EXIT_CODES;

/** All error codes, in the order of their exit codes. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(
  EXIT_CODES,
) as ErrorCode[];

/** What an error can say beyond its message; values survive `postMessage` and JSON. */
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
  /** What the user can do. */
  readonly hint?: string | undefined;
}

/** An error as a plain record: classes, names and codes do not survive `postMessage`. */
export interface ErrorRecord {
  /** Tells the record from other messages. */
  readonly kind: "VarveError" | "Error" | "AbortError";
  /** The code; `E_INTERNAL` for a foreign error. */
  readonly code: ErrorCode;
  /** One line for people. */
  readonly message: string;
  /** Details, where there are some. */
  readonly details: ErrorDetails;
  /** The stack of the thread where it was thrown, for defects only. */
  readonly stack?: string | undefined;
  /** The domain error that it came from. */
  readonly cause?: ErrorRecord | undefined;
}

/** Causes of causes that a record keeps: who makes errors in a circle must not hang a thread. */
const MAX_CAUSES = 4;

/** Every domain error of varve. `switch (error.code)` narrows. */
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
    super(message, options);
    this.code = code;
    this.details = withoutUndefined(details);
  }
}

/** Details as they are shown and sent: a field that says nothing is not there. */
function withoutUndefined(details: ErrorDetails): ErrorDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
}

/** The exit code of the command line for an error: 1 for whatever is not a {@linkcode VarveError}. */
export function exitCode(error: unknown): number {
  return error instanceof VarveError ? EXIT_CODES[error.code] : 1;
}

/** The exit code that belongs to a code. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code];
}

/** The codes that say: the data is at fault. They are those with exit code 7 or 8. */
export type BadDataCode = {
  [Code in ErrorCode]: (typeof EXIT_CODES)[Code] extends 7 | 8 ? Code : never;
}[ErrorCode];

/**
 * Whether the data is at fault: it is malformed, differs from its digest, or exceeds a limit
 * (`E_LIMIT`). The same data fails again. False for all other errors: of the machine, the network,
 * the store, the caller, and whatever is not a {@linkcode VarveError}.
 */
export function isBadData(error: unknown): error is VarveError & { readonly code: BadDataCode } {
  return error instanceof VarveError && [7, 8].includes(EXIT_CODES[error.code]);
}

/** Turns anything thrown into a record that survives `postMessage`, with the domain errors that it came from. */
export function toErrorRecord(error: unknown): ErrorRecord {
  return recordOf(error, MAX_CAUSES);
}

function recordOf(error: unknown, causes: number): ErrorRecord {
  if (error instanceof VarveError) {
    return {
      kind: "VarveError",
      code: error.code,
      message: error.message,
      details: error.details,
      ...(causes > 0 && error.cause instanceof VarveError
        ? { cause: recordOf(error.cause, causes - 1) }
        : {}),
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

/** Makes an error again from its record; the inverse of {@linkcode toErrorRecord} for a {@linkcode VarveError}. */
export function fromErrorRecord(record: ErrorRecord): Error {
  if (record.kind === "AbortError") {
    return new DOMException(record.message, "AbortError");
  }
  const options = record.cause === undefined ? {} : { cause: fromErrorRecord(record.cause) };
  const error = new VarveError(record.code, record.message, record.details, options);
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}
