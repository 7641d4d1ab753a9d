import { toHex } from "../../bytes/mod.ts";
import { isOwnerId, ownerDirectory, ownerLock } from "./ingest_names.ts";
import { FileLock } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { syncPath } from "./sync.ts";
import { lstatOrNothing, makeDirectory, removeAll } from "./system.ts";

/**
 * An open store that writes, as other processes see it: `ingest/<id>.lock` is locked while it lives,
 * and `ingest/<id>/` is where it stages. Both come with the first write and go with a clean end.
 *
 * So a lock file that nobody holds is the mark of an end that was not clean. It is on the disk before
 * anything that its owner commits, whatever the durability: it is what makes a loss be looked for.
 */
export class Owner {
  /** Random: unlike a process id it is never used again. */
  readonly id: string = toHex(crypto.getRandomValues(new Uint8Array(8)));
  readonly #paths: Paths;
  #ready: Promise<FileLock> | null = null;
  #count = 0;
  #unclean = false;

  /** An owner that has written nothing. */
  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** A path for something new in the owner's directory. */
  async fresh(): Promise<string> {
    this.#ready ??= this.#begin();
    await this.#ready;
    return `${this.#directory}/${this.#count++}`;
  }

  /**
   * Does a clean-up. What cannot be cleaned up now is left to a later start, told by the mark: it must
   * neither hide the error before it nor turn what was done into a failure.
   */
  async tidy(fn: () => Promise<void> | void): Promise<void> {
    try {
      await fn();
    } catch {
      this.leaveMark();
    }
  }

  /** Something was left that a later start must look for. */
  leaveMark(): void {
    this.#unclean = true;
  }

  /** Ends: removes what was staged, and the mark. */
  async end(): Promise<void> {
    if (this.#ready === null) return;
    const lock = await this.#ready;
    this.#ready = null;
    await this.tidy(() => removeAll(this.#directory));
    await this.tidy(() => this.#unclean ? undefined : lock.remove());
    lock.release();
  }

  get #directory(): string {
    return ownerDirectory(this.#paths, this.id);
  }

  async #begin(): Promise<FileLock> {
    // The lock first: a directory whose lock nobody holds is an orphan.
    const lock = await FileLock.acquire(ownerLock(this.#paths, this.id));
    try {
      await makeDirectory(this.#directory);
      await syncPath(this.#paths.ingest);
    } catch (error) {
      this.#ready = null;
      lock.remove();
      throw error;
    }
    return lock;
  }
}

/** Whether an owner lives. */
export async function isAlive(paths: Paths, id: string): Promise<boolean> {
  if (!isOwnerId(id)) return false;
  const path = ownerLock(paths, id);
  if (await lstatOrNothing(path) === undefined) return false;
  using lock = await FileLock.tryAcquire(path);
  return lock === undefined;
}
