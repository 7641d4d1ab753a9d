import { VarveError } from "../../errors.ts";

/** A directory or file of the host inside a container. */
export interface Volume {
  /** Path on the host. */
  readonly source: string;
  /** Absolute path inside. */
  readonly target: string;
  /** Whether it may only be read. */
  readonly readOnly: boolean;
}

/**
 * Reads `SRC:DST[:ro|rw]`. Both are paths: there are no named volumes.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function parseVolume(text: string): Volume {
  const [source = "", target = "", mode = "rw", ...more] = text.split(":");
  const state = !/^\.{0,2}\//.test(source)
    ? "SRC is no path (give /… or ./…)"
    : !target.startsWith("/")
    ? "DST is not absolute"
    : normalizePath(target) === "/"
    ? "DST is the root"
    : !["ro", "rw"].includes(mode) || more.length > 0
    ? "give ro or rw behind DST, and no other colon"
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

/** A path without `.`, `..` and empty parts, absolute. Links are not looked at. */
export function normalizePath(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") out.pop();
    else if (part !== "" && part !== ".") out.push(part);
  }
  return `/${out.join("/")}`;
}

/** Whether a path is `directory` or below it. Both are normalised. */
export function isBelow(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}
