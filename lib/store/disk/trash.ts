import type { Disk } from "./context.ts";
import type { Paths } from "./paths.ts";
import { namesIn, removeAll } from "./system.ts";

/** Moves something out of sight and deletes it; nothing there is success. */
export async function discard(disk: Disk, path: string): Promise<void> {
  const hidden = await hide(disk, path);
  if (hidden !== undefined) await removeAll(hidden);
}

/** Moves something to `trash/`, at once; gives where it is now. */
export async function hide(disk: Disk, path: string): Promise<string | undefined> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const hidden = `${disk.paths.trash}/${name}.${crypto.randomUUID()}`;
  try {
    await Deno.rename(path, hidden);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  await disk.syncer.each([path.slice(0, path.lastIndexOf("/"))]);
  return hidden;
}

/** Deletes what others began to delete. What still cannot be deleted (something is mounted in it) stays for later. */
export async function emptyTrash(paths: Paths): Promise<void> {
  for (const name of await namesIn(paths.trash)) {
    try {
      await removeAll(`${paths.trash}/${name}`);
    } catch {
      // The next start tries again.
    }
  }
}
