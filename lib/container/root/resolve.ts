import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";

/** What exists at a path. A link is not followed. */
export type Found =
  | { readonly type: "directory" | "file" | "other" }
  | { readonly type: "symlink"; readonly target: ByteString };

/**
 * Returns what exists at an absolute path; `undefined` for nothing. All names except the last must be directories: a
 * caller makes sure of that.
 */
export type Look = (path: ByteString) => Found | undefined;

/** Where a path leads. */
export interface Place {
  /** Absolute path without links. The first names exist; the last `missing` names do not. */
  readonly path: ByteString;
  /** What is at the path; `undefined` when names are missing. */
  readonly found: Found | undefined;
  /** Number of names at the end of the path that do not exist. */
  readonly missing: number;
}

/** Number of links that the kernel follows in one path (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Resolves a path inside a root, as the container will see it: an absolute link begins at the root, and
 * `..` never leaves it. After the first name that does not exist, all others count as missing.
 *
 * @throws {VarveError} `E_LOOP` too many links · `E_NOT_DIR` a name before the last is not a directory
 */
export function resolveInside(path: ByteString, look: Look): Place {
  const rest = path.split("/").reverse();
  let there: string[] = [];
  let missing: string[] = [];
  let found: Found | undefined = { type: "directory" };
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (missing.length > 0) missing.pop();
      else there.pop();
      if (missing.length === 0) found = { type: "directory" };
      continue;
    }
    if (missing.length > 0) {
      missing.push(name);
      continue;
    }
    if (found?.type !== "directory") {
      throw fail("E_NOT_DIR", path, `${join(there)} is not a directory`);
    }
    const next = look(join([...there, name]));
    if (next?.type === "symlink") {
      if (++links > MAX_LINKS) throw fail("E_LOOP", path, "too many symbolic links");
      if (next.target.startsWith("/")) there = [];
      rest.push(...next.target.split("/").reverse());
      continue;
    }
    found = next;
    if (next === undefined) missing = [name];
    else there.push(name);
  }
  return { path: join([...there, ...missing]), found, missing: missing.length };
}

function join(names: readonly string[]): ByteString {
  return `/${names.join("/")}` as ByteString;
}

function fail(code: "E_NOT_DIR" | "E_LOOP", path: ByteString, state: string): VarveError {
  const subject = escapeForTerminal(path);
  return new VarveError(
    code,
    `Cannot use ${subject} of the image: ${escapeForTerminal(state as ByteString)}`,
    { subject },
  );
}
