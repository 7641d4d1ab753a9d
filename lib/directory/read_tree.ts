import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { guardedSync } from "../linux/mod.ts";
import type { Directories, TreeFile } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";

/**
 * Reads the file of a layer's tree completely and checks all of it. Use it for a tree that is
 * walked completely, and more than once.
 *
 * @throws {VarveError} `E_DAMAGE`, with the layer as its subject · `E_SYSCALL`, `E_DENIED`
 */
export function readTree({ diffId, path, sum }: TreeFile): Tree {
  const bytes = guardedSync(`read the tree of layer ${diffId}`, () => Deno.readFileSync(path));
  try {
    return decodeTree(bytes, sum ?? undefined);
  } catch (cause) {
    if (!(cause instanceof VarveError)) throw cause;
    const message = `Cannot read layer ${diffId}: its tree is damaged`;
    throw new VarveError("E_DAMAGE", message, { subject: diffId }, { cause });
  }
}

/**
 * Waits for work in a worker that reads layers. When the work finds one of them damaged, the store notes the damage: a
 * tree, by the `E_DAMAGE` of {@linkcode readTree}, or a tar, by an error whose cause has the layer as its subject.
 */
export async function notingDamage<T>(
  directories: Directories,
  diffIds: readonly DiffId[],
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const layer = (found: unknown) =>
      found instanceof VarveError && (found.code === "E_DAMAGE" || found.code === "E_DIGEST")
        ? diffIds.find((diffId) => diffId === found.details.subject)
        : undefined;
    const ofTree = error.code === "E_DAMAGE" ? layer(error) : undefined;
    if (ofTree !== undefined) throw directories.treeDamage(ofTree);
    const ofTar = layer(error.cause);
    if (ofTar !== undefined) directories.noteDamage(ofTar);
    throw error;
  }
}
