import picomatch from "picomatch";
import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";

/** The package has no types of its own. */
const compile: (globs: string[], options: object) => (text: string) => boolean = picomatch;

/**
 * A test whether a path matches one of some globs. A glob with a slash is compared with the whole path, any other one
 * with the last name. Paths are as varve prints them.
 */
export function pathGlobs(globs: readonly string[]): (path: ByteString) => boolean {
  const isPath = matcher(
    globs.filter((glob) => glob.includes("/")).map((glob) => glob.replace(/^\/+/, "")),
  );
  const isName = matcher(globs.filter((glob) => !glob.includes("/")));
  return (path) => {
    const text = escapeForTerminal(path);
    return isPath(text) || isName(text.slice(text.lastIndexOf("/") + 1));
  };
}

function matcher(globs: readonly string[]): (text: string) => boolean {
  // picomatch refuses an empty list.
  return globs.length === 0 ? () => false : compile([...globs], { dot: true, nonegate: true });
}
