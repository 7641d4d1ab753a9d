import type { Candidate } from "./candidate.ts";

/** How a place of `copy` may begin, besides the name of an image of a registry. */
export const PLACES: readonly string[] = [
  "store:",
  "docker://",
  "oci:",
  "oci-archive:",
  "docker-archive:",
];

/** Most files that are offered. A shell asks the user before it shows so many. */
const MOST = 2000;

/** Blanks divide words, a colon ends the path of a place, and the others cannot be typed. */
const UNTYPABLE = /[\s:\p{Cc}\p{Cf}\ufffd]/u;

/** The part `store:` or `docker://` of a word, behind which the name of an image stands; empty if there is none. */
export function namePrefix(typed: string): string {
  return PLACES.slice(0, 2).find((place) => typed.startsWith(place)) ?? "";
}

/**
 * Completes `oci:DIR`, `oci-archive:FILE` and `docker-archive:FILE` by the entries of the directory that is typed. A
 * directory ends with a slash, so that the user can go on. A shell cannot do it, because it takes the whole word for the
 * path.
 *
 * What cannot be read gives nothing: completion shows no errors.
 */
export async function filesOf(typed: string): Promise<Candidate[]> {
  const place = PLACES.slice(2).find((place) => typed.startsWith(place));
  if (place === undefined) return [];
  const path = typed.slice(place.length);
  const parent = path.slice(0, path.lastIndexOf("/") + 1);
  const begin = path.slice(parent.length);
  const found: Candidate[] = [];
  try {
    for await (const entry of Deno.readDir(parent === "" ? "." : parent)) {
      const { name } = entry;
      if (!name.startsWith(begin) || UNTYPABLE.test(name)) continue;
      if (name.startsWith(".") && begin === "") continue;
      const isDirectory = entry.isDirectory ||
        entry.isSymlink && await leadsToDirectory(parent, name);
      if (place === "oci:" && !isDirectory) continue;
      const value = `${place}${parent}${name}${isDirectory ? "/" : ""}`;
      if (found.push({ value, description: isDirectory ? "directory" : "file" }) >= MOST) break;
    }
  } catch {
    return [];
  }
  return found.sort((a, b) => a.value < b.value ? -1 : 1);
}

async function leadsToDirectory(parent: string, name: string): Promise<boolean> {
  try {
    return (await Deno.stat(`${parent}${name}`)).isDirectory;
  } catch {
    // A link that leads nowhere.
    return false;
  }
}
