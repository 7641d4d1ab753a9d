/**
 * The lock that keeps shared lowers mounted while a snapshot is made.
 *
 * A trim unmounts every lower that no snapshot row needs. The row of a new snapshot is written last,
 * so until then only this lock says that its lowers are needed. If a trim could run in between, the
 * lower would become an empty directory: a wrong file system, without any error.
 *
 * A process that makes a snapshot, or begins the directory of a run, holds the lock shared. It waits for the lock,
 * because a trim takes only moments. A trim needs the lock exclusively and never waits. It leaves a request, the file
 * `trim` in `mounts/`, and runs at once if it gets the lock. Otherwise the last process that makes a snapshot carries out
 * the request when it is done.
 */
import { fromText } from "../bytes/mod.ts";
import {
  CWD,
  fileErrno,
  isNoSpace,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  sleep,
  tryStatAt,
} from "../linux/mod.ts";
import { hasSharedMounts } from "./shared_mount.ts";

/** Name of the request in `mounts/`. */
const REQUEST = "trim";

/** Name of a request that is carried out. If the process is killed meanwhile, the next one carries it out again. */
const BEGUN = "trim-begun";

/** Milliseconds between two attempts to get the lock: the first pause, and the longest. */
const FIRST_PAUSE = 1, LONGEST_PAUSE = 16;

/**
 * Keeps every process from unmounting lowers until the lock is disposed. Waits for a trim that runs now, but not for
 * other processes that make snapshots.
 *
 * flock(2) itself cannot be cancelled, so the wait is a series of attempts. The first attempt is made at once.
 *
 * @param mounts the store's `mounts/`
 * @throws the signal's reason when it is aborted during the wait
 */
export async function lockLowers(mounts: string, signal?: AbortSignal): Promise<OwnedFd> {
  const directory = open(mounts);
  try {
    for (let pause = FIRST_PAUSE; !directory.lock("shared");) {
      await sleep(pause, signal);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
    return directory;
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

/**
 * Takes the lock alone, so that no process makes or mounts a snapshot, or begins a run, until it is disposed. Does not
 * wait.
 *
 * @param mounts the store's `mounts/`
 * @returns `undefined` while a snapshot is being made
 */
export function tryLockLowersAlone(mounts: string): OwnedFd | undefined {
  const directory = open(mounts);
  if (directory.lock("exclusive")) return directory;
  directory[Symbol.dispose]();
  return undefined;
}

/**
 * Requests a trim, which the next call of {@linkcode trimIfRequested} carries out. Without mounted
 * lowers it does nothing. On a full or read-only disk it does nothing either: gc trims without a request.
 *
 * @returns whether there is a request
 */
export function requestTrim(mounts: string): boolean {
  if (!hasSharedMounts(mounts)) return false;
  try {
    Deno.writeTextFileSync(`${mounts}/${REQUEST}`, "");
    return true;
  } catch (error) {
    if (!isNoSpace(error) && fileErrno(error) !== "EROFS") throw error;
    return false;
  }
}

/** Trims now. If a snapshot is being made, leaves a request instead. */
export function trimOrRequest(mounts: string, trim: () => void): void {
  if (!requestTrim(mounts) && hasSharedMounts(mounts)) {
    using directory = open(mounts);
    if (directory.lock("exclusive")) trim();
  }
  trimIfRequested(mounts, trim);
}

/**
 * Carries out a request. If a snapshot is being made, the request stays: the process that makes the snapshot calls this
 * function when it is done.
 */
export function trimIfRequested(mounts: string, trim: () => void): void {
  while (isRequested(mounts)) {
    using directory = open(mounts);
    if (!directory.lock("exclusive")) return;
    // Rename the request before the trim: a later request may be for a lower that this trim does not see.
    ignoreNotFound(() => Deno.renameSync(`${mounts}/${REQUEST}`, `${mounts}/${BEGUN}`));
    try {
      trim();
    } finally {
      ignoreNotFound(() => Deno.removeSync(`${mounts}/${BEGUN}`));
    }
  }
}

function isRequested(mounts: string): boolean {
  return [REQUEST, BEGUN].some((name) =>
    tryStatAt(CWD, fromText(`${mounts}/${name}`)) !== undefined
  );
}

function ignoreNotFound(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function open(mounts: string): OwnedFd {
  return ownFd(openDirectoryAt(CWD, fromText(mounts)));
}
