/**
 * Generations: which of the directories that drivers derived from a layer or a chain are up to date.
 *
 * The file `generation` in the directory of a layer or a chain holds a number, which is raised when the bytes of a
 * layer are replaced, and when something derived was found damaged. Without the file it is 0. The number is part of
 * the name of what is extracted (`fs`, `fs-1`) and of the description of a composed image. So what was derived before
 * is not used again, though mounts that show it go on.
 *
 * The number is in a file, not in the database, because it must never go back: not when an older copy of the database
 * is restored, and not when the database is made again from the markers.
 *
 * @module
 */
import type { Disk } from "../context.ts";
import { GENERATION } from "../names.ts";
import { exists, writeNew } from "../system.ts";

/** Counts for a file that cannot be read as a number: higher than any number that was counted. */
const UNREADABLE = 1_000_000_000;

const NUMBER = /^[1-9][0-9]{0,11}\n$/;

/** The generation of a directory with a cache id; 0 when the directory does not exist. */
export function generationIn(home: string): number {
  const path = `${home}/${GENERATION}`;
  // Nearly no layer was ever repaired: a stat of a missing file is cheaper than a read.
  if (!exists(path)) return 0;
  const text = Deno.readTextFileSync(path);
  return NUMBER.test(text) ? Number(text) : UNREADABLE;
}

/**
 * Raises the generation of a directory with a cache id. The number is on the disk when this returns, but the caller
 * syncs the directory.
 */
export async function raiseGeneration(disk: Disk, home: string): Promise<void> {
  const path = await disk.owner.fresh();
  await writeNew(path, new TextEncoder().encode(`${generationIn(home) + 1}\n`), 0o400);
  await disk.syncer.each([path]);
  await Deno.rename(path, `${home}/${GENERATION}`);
}
