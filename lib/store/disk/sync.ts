import { fromText } from "../../bytes/mod.ts";
import { CWD, isSupported, openDirectoryAt, ownFd, syncFileSystem } from "../../linux/mod.ts";
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

  /** Syncs whatever is in a directory, at any depth: the whole file system at once where that can be asked for. */
  async tree(path: string): Promise<void> {
    if (this.durability === "none") return;
    if (isSupported()) syncFileSystemOf(path);
    else await syncWalk(path);
  }
}

/** How many files are open at once for their sync. */
const AT_ONCE = 16;

/** fsync(2) of a file or a directory. */
export async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

/** syncfs(2): one call for ten thousand files. It holds this thread for as long as the disk needs. */
function syncFileSystemOf(path: string): void {
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  syncFileSystem(directory.fd);
}

async function syncWalk(path: string): Promise<void> {
  for await (const entry of Deno.readDir(path)) {
    if (entry.isDirectory) await syncWalk(`${path}/${entry.name}`);
    else if (entry.isFile) await syncPath(`${path}/${entry.name}`);
  }
  await syncPath(path);
}
