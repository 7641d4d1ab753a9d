import { escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { imageView } from "../../image/internal.ts";
import { parentPath } from "../../tree/internal.ts";
import { hostPlatform, type Store } from "../../store/mod.ts";
import { splitReferencePath } from "../images.ts";
import type { Candidate } from "./candidate.ts";

/** Most paths that are offered. A shell asks the user before it shows so many. */
const MOST = 2000;

/**
 * Completes `REF:/PATH` of an image by the entries of the directory that is typed. A directory ends with a slash, so
 * that the user can go on. Names that a shell would divide into several words are left out.
 *
 * What cannot be read gives nothing: completion shows no errors.
 */
export async function pathsOf(store: Store, typed: string): Promise<Candidate[]> {
  try {
    const { reference, path } = splitReferencePath(typed);
    const view = await imageView(store, reference, { host: hostPlatform() });
    const directory = view.resolve(parentPath(path));
    if (directory?.node.type !== "directory") return [];
    const base = typed.slice(0, typed.lastIndexOf("/") + 1);
    const found: Candidate[] = [];
    for (const { name, node } of view.list(directory.path)) {
      const shown = escapeForTerminal(name);
      const value = `${base}${shown}${node.type === "directory" ? "/" : ""}`;
      if (/\s/.test(shown) || !value.startsWith(typed)) continue;
      if (found.push({ value, description: node.type }) >= MOST) break;
    }
    return found;
  } catch (error) {
    if (error instanceof VarveError) return [];
    throw error;
  }
}
