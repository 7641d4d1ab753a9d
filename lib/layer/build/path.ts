import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { type LayerLimits, limitError } from "../limits.ts";
import { shorten } from "../warnings.ts";

/** A path as the archive says it, for a message. */
export function shownPath(path: ByteString): string {
  return escapeForTerminal(shorten(path));
}

/** Checks what can be said of a path as a whole. */
export function checkPath(path: ByteString, limits: LayerLimits): void {
  if (path.length === 0) {
    throw new VarveError("E_EMPTY_NAME", "Cannot take entry: it has no name");
  }
  if (path.length > limits.path) {
    throw limitError("path", limits.path, shownPath(path), "E_NAME_TOO_LONG");
  }
  if (path.includes("\0")) {
    const subject = shownPath(path);
    throw new VarveError("E_HEADER", `Cannot take entry ${subject}: its name holds a NUL`, {
      subject,
    });
  }
}

/**
 * The parts of a path, cleaned by its letters alone: empty parts and `.` go, `..` takes the part before
 * it along. None is left for the root itself.
 *
 * @param marker what a part may begin with beyond the limit of a name: a file of the longest name has a
 * whiteout too, and only the name that it hides must fit a file system
 * @throws {VarveError} `E_PATH_ESCAPE` when a `..` leads above the root, `E_EMPTY_NAME`, `E_NAME_TOO_LONG`,
 * `E_HEADER` on a NUL
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
      const subject = shownPath(path);
      throw new VarveError(
        "E_PATH_ESCAPE",
        `Cannot take entry ${subject}: it leads above the root`,
        {
          subject,
        },
      );
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

/** The error of an entry below what is no directory. */
export function notDirectory(path: ByteString): VarveError {
  const subject = shownPath(path);
  return new VarveError("E_NOT_DIR", `Cannot take entry ${subject}: its parent is no directory`, {
    subject,
  });
}
