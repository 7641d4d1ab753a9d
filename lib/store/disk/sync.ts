import { fromText } from "../../bytes/mod.ts";
import { CWD, isSupported, openDirectoryAt, ownFd, syncFileSystem } from "../../linux/mod.ts";
import type { Durability } from "./options.ts";

/** Syncs files and directories to the disk; with the durability `"none"` it does nothing. */
export class Syncer {
  readonly durability: Durability;

  /** Syncs only with the durability `"full"`. */
  constructor(durability: Durability) {
    this.durability = durability;
  }

  /**
   * Syncs many files and directories at the same time, because one commit of the file system's
   * journal then serves them all.
   */
  async each(paths: readonly string[]): Promise<void> {
    if (this.durability === "none") return;
    for (let i = 0; i < paths.length; i += AT_ONCE) {
      await Promise.all(paths.slice(i, i + AT_ONCE).map(syncPath));
    }
  }

  /**
   * Syncs everything in a directory, at any depth. Where FFI is available, it syncs the whole file
   * system once.
   */
  async tree(path: string): Promise<void> {
    if (this.durability === "none") return;
    if (isSupported()) syncFileSystemOf(path);
    else await syncWalk(path);
  }
}

/** Number of files that are synced at the same time. */
const AT_ONCE = 16;

/** fsync(2) of a file or a directory. */
export async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

/** syncfs(2): one call for any number of files. It blocks this thread until the disk is done. */
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
