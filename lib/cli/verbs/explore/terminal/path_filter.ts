import type { PathColumns } from "../../../../explore/mod.ts";

/**
 * The paths that a filter lets through, as 1: those that a regular expression finds something in, as dive has it. A
 * text that is no regular expression is searched as it is.
 */
export function pathMatches(
  { count, names, depths }: PathColumns,
  filter: string,
): Uint8Array {
  const pattern = patternOf(filter);
  const matches = new Uint8Array(count);
  /** By depth: the path with a slash at its end. */
  const above = ["/"];
  for (let at = 1; at < count; at++) {
    const depth = depths[at] as number;
    const path = above[depth - 1] as string + names[at];
    above[depth] = `${path}/`;
    if (pattern.test(path)) matches[at] = 1;
  }
  return matches;
}

function patternOf(filter: string): RegExp {
  try {
    return new RegExp(filter, "u");
  } catch {
    return new RegExp(RegExp.escape(filter), "u");
  }
}
