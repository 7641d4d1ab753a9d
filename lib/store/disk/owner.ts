import { toHex } from "../../bytes/mod.ts";
import { isIntent, isOwnerId, ownerDirectory, ownerLock } from "./ingest_names.ts";
import { FileLock } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { syncPath } from "./sync.ts";
import { lstatOrNothing, makeDirectory, namesIn, removeAll } from "./system.ts";

/**
 * An owner represents one open store that writes. It holds the lock `ingest/<id>.lock`, which
 * shows other processes that the store is open, and stages content in `ingest/<id>/`. It makes both
 * at its first write, and removes them when the store closes.
 *
 * So a lock file that nobody holds shows that its owner crashed. It tells the next start to look for
 * lost data. Therefore the lock file is synced before the owner's first commit, even with the
 * durability `"none"`.
 */
export class Owner {
  /** Id of the owner. It is random: unlike a process id, it is never used again. */
  readonly id: string = toHex(crypto.getRandomValues(new Uint8Array(8)));
  readonly #paths: Paths;
  #ready: Promise<FileLock> | null = null;
  #count = 0;
  #unclean = false;

  /** Makes an owner that has written nothing yet. */
  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** A new path in the owner's directory. Makes directory and lock at the first call. */
  async fresh(): Promise<string> {
    this.#ready ??= this.#begin().catch((error) => {
      // The next call tries again, and the store can be closed.
      this.#ready = null;
      throw error;
    });
    await this.#ready;
    return `${this.#directory}/${this.#count++}`;
  }

  /**
   * Runs a clean-up and does not throw: a failed clean-up must neither hide an earlier error nor
   * make a finished action fail. After a failure the owner leaves its lock file, so that a later
   * start cleans up.
   */
  async tidy(fn: () => Promise<void> | void): Promise<void> {
    try {
      await fn();
    } catch {
      this.leaveMark();
    }
  }

  /** Makes the owner leave its lock file when it closes, so that a later start heals the store. */
  leaveMark(): void {
    this.#unclean = true;
  }

  /**
   * Ends the owner: removes what it staged, then its lock file. When it leaves its lock file, its intents stay, too: a
   * later start finishes them.
   */
  async end(): Promise<void> {
    if (this.#ready === null) return;
    const lock = await this.#ready;
    this.#ready = null;
    await this.tidy(async () => void await removeStaged(this.#paths, this.id));
    await this.tidy(() => this.#unclean ? undefined : removeAll(this.#directory));
    await this.tidy(() => this.#unclean ? undefined : lock.remove());
    lock.release();
  }

  get #directory(): string {
    return ownerDirectory(this.#paths, this.id);
  }

  async #begin(): Promise<FileLock> {
    // Take the lock first: a directory whose lock nobody holds counts as left by a crash.
    const lock = await FileLock.acquire(ownerLock(this.#paths, this.id));
    try {
      await makeDirectory(this.#directory);
      await syncPath(this.#paths.ingest);
    } catch (error) {
      lock.remove();
      throw error;
    }
    return lock;
  }
}

/** Removes what an owner staged, but for its intents. Returns the names that were in its directory. */
export async function removeStaged(paths: Paths, owner: string): Promise<string[]> {
  const directory = ownerDirectory(paths, owner);
  if (await lstatOrNothing(directory) === undefined) return [];
  const names = await namesIn(directory);
  for (const name of names) {
    if (!isIntent(name)) await removeAll(`${directory}/${name}`);
  }
  return names;
}

/** Whether the store that has this owner id is still open. */
export async function isAlive(paths: Paths, id: string): Promise<boolean> {
  if (!isOwnerId(id)) return false;
  const path = ownerLock(paths, id);
  if (await lstatOrNothing(path) === undefined) return false;
  using lock = await FileLock.tryAcquire(path);
  return lock === undefined;
}
