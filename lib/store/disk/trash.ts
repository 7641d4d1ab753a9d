import { fromText } from "../../bytes/mod.ts";
import { CWD, isSupported, openDirectoryAt, ownFd, removeTree } from "../../linux/mod.ts";
import type { Disk } from "./context.ts";
import type { Paths } from "./paths.ts";
import { lstatOrNothing, namesIn, removeAll } from "./system.ts";

/** Moves a file or directory to `trash/` and deletes it there. Idempotent. */
export async function discard(disk: Disk, path: string): Promise<void> {
  const hidden = await hide(disk, path);
  if (hidden !== undefined) await removeHidden(disk.paths, hidden);
}

/**
 * Moves a file or directory to `trash/` by one rename; returns its new path, or `undefined` when it
 * did not exist.
 */
export async function hide(disk: Disk, path: string): Promise<string | undefined> {
  const hidden = hideUnsynced(disk, path);
  if (hidden === undefined) return undefined;
  await disk.syncer.each([path.slice(0, path.lastIndexOf("/"))]);
  return hidden;
}

/**
 * Does the same as {@linkcode hide}, without a sync. After a loss of power the file may have its old name again, but
 * no row: a later start removes it.
 */
export function hideUnsynced(disk: Disk, path: string): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const hidden = `${disk.paths.trash}/${name}.${crypto.randomUUID()}`;
  try {
    Deno.renameSync(path, hidden);
    return hidden;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Longest time in ms that a start spends on emptying `trash/`, and the number of names that it removes in any case, so
 * that little trash does not stay on a busy machine.
 */
const START_TIME = 50, START_NAMES = 256;

/**
 * Empties `trash/` at a start, for a short time. What is left then, and what cannot be deleted because something is
 * mounted in it, stays until a later start or gc.
 */
export async function emptyTrash(paths: Paths): Promise<void> {
  const end = performance.now() + START_TIME;
  let names = 0;
  const checkpoint = () => {
    if (++names > START_NAMES && performance.now() > end) throw new TimeIsUp();
  };
  for (const name of await namesIn(paths.trash)) {
    try {
      checkpoint();
      await removeHidden(paths, `${paths.trash}/${name}`, checkpoint);
    } catch (error) {
      if (error instanceof TimeIsUp) return;
      // The next start tries again.
    }
  }
}

class TimeIsUp extends Error {}

/** Deletes a path in `trash/`. Does not delete files of a file system that is mounted inside it. */
export async function removeHidden(
  paths: Paths,
  path: string,
  checkpoint?: () => void,
): Promise<void> {
  const info = await lstatOrNothing(path);
  if (info === undefined) return;
  if (!info.isDirectory || !isSupported()) return await removeAll(path);
  using trash = ownFd(openDirectoryAt(CWD, fromText(paths.trash)));
  removeTree(trash.fd, fromText(path.slice(paths.trash.length + 1)), checkpoint);
}
