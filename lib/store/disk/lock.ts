import { isVarveError, VarveError } from "../../errors.ts";
import { isSupported, lockHolder, sleep } from "../../linux/mod.ts";
import type { DiskStore } from "../disk_store.ts";
import { ROOT_FILES } from "./names.ts";

/** Options for taking a lock. */
export interface LockOptions {
  /** Whether other shared holders are allowed. Default: no. */
  readonly shared?: boolean | undefined;
  /** Aborts the wait with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum time to wait, in ms. Default: no limit. */
  readonly timeout?: number | undefined;
  /** Called once if the wait is long. */
  readonly onLongWait?: (() => void) | undefined;
}

/** Mode of a lock file. */
const LOCK_MODE = 0o600;
/** The waits between two attempts, in ms: doubled from the first up to the last. */
const FIRST_WAIT = 1;
const LAST_WAIT = 32;
/** Time in ms after which a wait is long. */
const LONG_WAIT = 2_000;

/**
 * A lock by flock(2) on a separate lock file. The kernel frees the lock when its holder dies.
 *
 * The holder may unlink the file. So after it got the lock, this class checks whether the locked
 * file is still the file at the path. If not, it locks the file at the path instead.
 */
export class FileLock implements Disposable {
  /** Path of the lock file. */
  readonly path: string;
  #file: Deno.FsFile | null;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /** Takes the lock if it is free; otherwise returns `undefined`. */
  static async tryAcquire(path: string, shared = false): Promise<FileLock | undefined> {
    for (;;) {
      const file = await Deno.open(path, {
        read: true,
        write: true,
        create: true,
        mode: LOCK_MODE,
      });
      try {
        if (!await file.tryLock(!shared)) {
          file.close();
          return undefined;
        }
        if (await isAt(file, path)) return new FileLock(path, file);
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
    }
  }

  /**
   * Waits for the lock.
   *
   * A thread that waits in flock(2) cannot be cancelled. So this polls without blocking.
   *
   * @throws {VarveError} `E_BUSY` after `timeout`
   */
  static async acquire(path: string, options: LockOptions = {}): Promise<FileLock> {
    return await waitFor(path, () => FileLock.tryAcquire(path, options.shared), options);
  }

  /** Frees the lock and leaves its file in place. Idempotent. */
  release(): void {
    const file = this.#file;
    this.#file = null;
    try {
      // Closing alone would not free the lock while a child process is being started: until its exec,
      // the child holds the file too.
      file?.unlockSync();
    } catch {
      // A call that is interrupted must not keep its caller from cleaning up. Closing frees the lock.
    }
    file?.close();
  }

  /**
   * Unlinks the file, then frees the lock. A process that waits for the lock then makes a new file.
   * Idempotent.
   */
  remove(): void {
    if (this.#file === null) return;
    try {
      Deno.removeSync(this.path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    } finally {
      this.release();
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Locks an open file or directory by flock(2), and waits while another process holds it. The kernel frees the lock when
 * the file is closed.
 *
 * @param path the path of `file`
 * @throws {VarveError} `E_BUSY` after `timeout`
 */
export async function lockOpenFile(
  file: Deno.FsFile,
  path: string,
  options: LockOptions = {},
): Promise<void> {
  const { shared = false } = options;
  await waitFor(path, async () => await file.tryLock(!shared) || undefined, options);
}

/** Calls `attempt` until it gets the lock at `path`. */
async function waitFor<T>(
  path: string,
  attempt: () => Promise<T | undefined>,
  { signal, timeout, onLongWait }: LockOptions,
): Promise<T> {
  const begin = performance.now();
  const end = timeout === undefined ? Infinity : begin + timeout;
  let isTold = false;
  for (let wait = FIRST_WAIT;; wait = Math.min(2 * wait, LAST_WAIT)) {
    signal?.throwIfAborted();
    const lock = await attempt();
    if (lock !== undefined) return lock;
    const now = performance.now();
    if (now >= end) {
      throw new VarveError("E_BUSY", `Cannot lock ${path}: ${holderOf(path)} holds it`, {
        hint: "wait for it to end, and try again",
      });
    }
    if (!isTold && now >= begin + LONG_WAIT) {
      isTold = true;
      onLongWait?.();
    }
    await sleep(wait, signal);
  }
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const mine = await file.stat();
  // The umask may have made the file unusable for the next holder.
  if (((mine.mode ?? 0) & 0o777) !== LOCK_MODE) await Deno.chmod(path, LOCK_MODE).catch(ifMissing);
  try {
    const there = await Deno.lstat(path);
    return there.ino === mine.ino && there.dev === mine.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Names a process that holds a lock: "process 71 (varve load app.tar)". */
export function holderOf(path: string): string {
  const holder = isSupported() ? lockHolder(path) : undefined;
  if (holder === undefined) return "another process";
  return `process ${holder.pid}${holder.command === "" ? "" : ` (${holder.command})`}`;
}

function ifMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/**
 * The process that serves a store to containerd; `undefined` when none does, or it cannot be found out.
 *
 * @param root the root directory of the store
 */
export function servingProcess(root: string): number | undefined {
  if (!isSupported()) return undefined;
  try {
    return lockHolder(`${root}/${ROOT_FILES.serving}`)?.pid;
  } catch (error) {
    // This process may not look at the store.
    if (error instanceof Deno.errors.NotCapable || isVarveError(error, "E_SYSCALL")) return;
    throw error;
  }
}

/**
 * Takes the lock that only one daemon of a store holds. The kernel frees it when the daemon dies.
 *
 * @throws {VarveError} `E_BUSY` another process holds it
 */
export async function lockServing(store: DiskStore): Promise<Disposable> {
  const path = `${store.root}/${ROOT_FILES.serving}`;
  const lock = await FileLock.tryAcquire(path);
  if (lock !== undefined) return lock;
  throw new VarveError("E_BUSY", `Cannot serve the store ${store.root}: ${holderOf(path)} does`, {
    subject: store.root,
    hint: "end that process, or serve another store",
  });
}
