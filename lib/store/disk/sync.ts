import type { Durability } from "./options.ts";

/** Puts files and directories on the disk, or (`durability: "none"`) does not. */
export class Syncer {
  readonly durability: Durability;

  /** Syncs for `"full"` only. */
  constructor(durability: Durability) {
    this.durability = durability;
  }

  /** Syncs files and directories. At the same time, so that one commit of the journal serves many. */
  async each(paths: readonly string[]): Promise<void> {
    if (this.durability === "none") return;
    for (let i = 0; i < paths.length; i += AT_ONCE) {
      await Promise.all(paths.slice(i, i + AT_ONCE).map(syncPath));
    }
  }

  /** Syncs whatever is in a directory, at any depth. */
  async tree(path: string): Promise<void> {
    if (this.durability === "none") return;
    await syncFileSystem(path);
  }
}

/** How many files are open at once for their sync. */
const AT_ONCE = 16;

/** fsync(2) of a file or a directory. */
export async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

async function syncFileSystem(path: string): Promise<void> {
  const pending: string[] = [path];
  for (let directory; (directory = pending.pop()) !== undefined;) {
    for await (const entry of Deno.readDir(directory)) {
      if (entry.isDirectory) pending.push(`${directory}/${entry.name}`);
      else if (entry.isFile) await syncPath(`${directory}/${entry.name}`);
    }
    await syncPath(directory);
  }
}
