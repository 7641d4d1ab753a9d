import type { PageImage } from "./data.ts";

/** The paths of an image as a tree. */
export interface PageModel {
  readonly image: PageImage;
  /** Index of the directory of each path; that of the root is itself. */
  readonly parents: Int32Array;
  /** Index behind the last path below each path. */
  readonly ends: Int32Array;
}

/** Makes the tree of an image. */
export function modelOf(image: PageImage): PageModel {
  const count = image.depths.length;
  const parents = new Int32Array(count);
  const ends = new Int32Array(count);
  const above: number[] = [];
  for (let at = 0; at < count; at++) {
    const depth = image.depths[at] as number;
    while (above.length > depth) ends[above.pop() as number] = at;
    parents[at] = above.at(-1) ?? 0;
    above.push(at);
  }
  for (const at of above) ends[at] = count;
  return { image, parents, ends };
}

/** The absolute path of an index. */
export function pathOf({ image, parents }: PageModel, at: number): string {
  const names: string[] = [];
  for (let i = at; i !== 0; i = parents[i] as number) names.push(image.names[i] as string);
  return `/${names.reverse().join("/")}`;
}

/** The entries of a directory. */
export function entriesOf({ ends }: PageModel, at: number): number[] {
  const entries: number[] = [];
  for (let i = at + 1; i < (ends[at] as number); i = ends[i] as number) entries.push(i);
  return entries;
}

/** The index of a path; that of the deepest directory on its way where it is not there. */
export function indexOf(model: PageModel, path: string): number {
  let at = 0;
  for (const name of path.split("/").filter((one) => one !== "")) {
    const next = entriesOf(model, at).find((i) => model.image.names[i] === name);
    if (next === undefined) break;
    at = next;
  }
  return at;
}

/**
 * Bytes of each path with all below it: what all layers, or one, have there.
 *
 * @param layer index of a layer; -1 for all
 */
export function bytesBelow({ image, parents }: PageModel, layer: number): Float64Array {
  const deleted = 4;
  const sums = new Float64Array(parents.length);
  for (let at = parents.length - 1; at >= 0; at--) {
    const changes = image.changes[at] as readonly number[];
    for (let i = 0; i < changes.length; i += 2) {
      const code = changes[i] as number;
      if (code % 5 === deleted || layer >= 0 && Math.floor(code / 5) !== layer) continue;
      sums[at] = (sums[at] as number) + (changes[i + 1] as number);
    }
    if (at > 0) {
      const parent = parents[at] as number;
      sums[parent] = (sums[parent] as number) + (sums[at] as number);
    }
  }
  return sums;
}

/** The last change of a path, of all layers or of one: its code; -1 where there is none. */
export function lastChange({ image }: PageModel, at: number, layer: number): number {
  const changes = image.changes[at] as readonly number[];
  for (let i = changes.length - 2; i >= 0; i -= 2) {
    const code = changes[i] as number;
    if (layer < 0 || Math.floor(code / 5) === layer) return code;
  }
  return -1;
}

/** The absolute paths of all indexes, in small letters. */
export function lowerPaths({ image, parents }: PageModel): string[] {
  const paths: string[] = [""];
  for (let at = 1; at < parents.length; at++) {
    paths.push(`${paths[parents[at] as number]}/${(image.names[at] as string).toLowerCase()}`);
  }
  return paths;
}
