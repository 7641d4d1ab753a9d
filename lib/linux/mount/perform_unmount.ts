import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { pauseThread } from "../process.ts";
import { unmountCall } from "./mount_calls.ts";

/**
 * Maximum number of times to try to unmount, and the pause between two tries in ms. A mount can be
 * busy for some milliseconds after its last file was closed: between fork and exec, a child that
 * another thread starts has copies of all open files.
 */
const MAX_TRIES = 50, PAUSE = 5;

/** Options of {@linkcode performUnmount}. */
export interface UnmountOptions {
  /** Detaches the mount at once. The kernel cleans up when nothing uses it any more. */
  readonly lazy?: boolean | undefined;
}

/**
 * Unmounts the topmost mount at a path. It is not an error if nothing is mounted there.
 *
 * @returns whether something was mounted there
 * @throws {VarveError} `E_BUSY` when the mount is still in use after a quarter of a second;
 * otherwise `E_SYSCALL`
 */
export function performUnmount(target: ByteString, options: UnmountOptions = {}): boolean {
  let errno = unmountCall(target, options.lazy ?? false);
  for (let i = 1; errno === "EBUSY" && i < MAX_TRIES; i++) {
    pauseThread(PAUSE);
    errno = unmountCall(target, options.lazy ?? false);
  }
  if (errno === undefined) return true;
  // EINVAL: the path is not a mount point. ENOENT: it does not exist.
  if (errno === "EINVAL" || errno === "ENOENT") return false;
  const shown = escapeForTerminal(target);
  const details = { errno, syscall: "umount2", subject: shown };
  if (errno === "EBUSY") {
    throw new VarveError("E_BUSY", `Cannot unmount ${shown}: it is in use`, {
      ...details,
      hint: "end the processes that use it, or detach it lazily",
    });
  }
  throw new VarveError("E_SYSCALL", `Cannot unmount ${shown}: ${errno}`, details);
}
