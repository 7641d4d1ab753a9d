import { VarveError } from "../../errors.ts";

/** A directory or file of the host that a container sees. */
export interface Volume {
  /** Its path on the host. */
  readonly source: string;
  /** Its absolute path in the container. */
  readonly target: string;
  /** Whether the container may only read it. */
  readonly readOnly: boolean;
}

/**
 * Parses `SRC:DST[:ro|rw]`. SRC is a path: there are no named volumes.
 *
 * @throws {VarveError} `E_USAGE` the text does not have this form
 */
export function parseVolume(text: string): Volume {
  const [source = "", target = "", mode = "rw", ...more] = text.split(":");
  const state = !/^\.{0,2}\//.test(source)
    ? "SRC is not a path (give /… or ./…)"
    : !target.startsWith("/")
    ? "DST is not absolute"
    : normalizePath(target) === "/"
    ? "DST is the root"
    : !["ro", "rw"].includes(mode) || more.length > 0
    ? "give ro or rw after DST, and no other colon"
    // deno-lint-ignore no-control-regex
    : /[\u0000-\u001f\u007f]/.test(text)
    ? "it holds control characters"
    : undefined;
  if (state !== undefined) {
    throw new VarveError("E_USAGE", `Cannot use volume ${JSON.stringify(text)}: ${state}`, {
      hint: "give SRC:DST or SRC:DST:ro",
    });
  }
  return { source, target: normalizePath(target), readOnly: mode === "ro" };
}

/** Makes a path absolute, without `.`, `..` and empty parts. It changes only the text: links are not followed. */
export function normalizePath(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") out.pop();
    else if (part !== "" && part !== ".") out.push(part);
  }
  return `/${out.join("/")}`;
}
