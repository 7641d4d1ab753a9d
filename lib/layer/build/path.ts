import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { type ErrorCode, VarveError } from "../../errors.ts";
import { type LayerLimits, limitError } from "../limits.ts";
import { shorten } from "../warnings.ts";

/** The path of an entry, as stored in the archive, shortened and escaped for a message. */
export function shownPath(path: ByteString): string {
  return escapeForTerminal(shorten(path));
}

/** The error of an entry that is refused. */
export function entryError(code: ErrorCode, path: ByteString, reason: string): VarveError {
  const subject = shownPath(path);
  return new VarveError(code, `Cannot take entry ${subject}: ${reason}`, { subject });
}

/**
 * Checks a path as a whole. {@linkcode cleanPath} checks its parts.
 *
 * @throws {VarveError} `E_EMPTY_NAME`, `E_NAME_TOO_LONG`, `E_HEADER` for a NUL
 */
export function checkPath(path: ByteString, limits: LayerLimits): void {
  if (path.length === 0) {
    throw new VarveError("E_EMPTY_NAME", "Cannot take entry: it has no name");
  }
  if (path.length > limits.path) {
    throw limitError("path", limits.path, shownPath(path), "E_NAME_TOO_LONG");
  }
  if (path.includes("\0")) throw entryError("E_HEADER", path, "its name holds a NUL");
}

/**
 * The parts of a path, cleaned by its text alone: empty parts and `.` are dropped, `..` drops the
 * preceding part. The root itself has no parts.
 *
 * @param marker prefix that does not count towards the length of a name. The name of a whiteout is
 * `.wh.` followed by the name that it hides, and only the hidden name must fit a file system.
 * @throws {VarveError} `E_PATH_ESCAPE` when a `..` leads above the root, `E_EMPTY_NAME`,
 * `E_NAME_TOO_LONG`, `E_HEADER` for a NUL
 */
export function cleanPath(path: ByteString, limits: LayerLimits, marker = ""): ByteString[] {
  checkPath(path, limits);
  const out: ByteString[] = [];
  for (const part of path.split("/") as ByteString[]) {
    if (part === "" || part === ".") continue;
    if (part !== "..") {
      const name = part.startsWith(marker) ? part.slice(marker.length) as ByteString : part;
      checkComponent(name, path, limits);
      out.push(part);
    } else if (out.pop() === undefined) {
      throw entryError("E_PATH_ESCAPE", path, "it leads above the root");
    }
  }
  return out;
}

/** Checks the length of one name. @throws {VarveError} `E_NAME_TOO_LONG` */
export function checkComponent(part: ByteString, path: ByteString, limits: LayerLimits): void {
  if (part.length > limits.component) {
    throw limitError("component", limits.component, shownPath(path), "E_NAME_TOO_LONG");
  }
}
