import type { ByteString } from "../../bytes/mod.ts";
import { Errno, systemError } from "./errno.ts";
import { libc } from "./libc.ts";

/** Address of this thread's errno. It is the same for the whole life of the thread. */
let location: Deno.PointerValue | undefined;
/** Holds a copy of errno. */
const copied = new Int32Array(1);

/**
 * The thread's error number. Valid only right after a synchronous call that failed.
 *
 * memcpy of libc copies the number. `Deno.UnsafePointerView` could read it too, but needs the permission for FFI
 * with all libraries, not only with libc.
 */
function lastErrno(): number {
  location ??= libc().__errno_location();
  if (location === null) return 0;
  libc().memcpy(copied, location, copied.byteLength);
  return copied[0] as number;
}

/**
 * Error numbers that may not belong to the failed call: 0 (no error number was set), EAGAIN and
 * ETIMEDOUT.
 *
 * The runtime's own calls on this thread (wake-ups, locks) can overwrite errno before this code
 * reads it. With several busy workers this was seen about once in 50,000 failures. A call that
 * really fails with EAGAIN, such as `flock` at a lock that is held, fails again in every retry.
 * `openat2` fails with it when a rename disturbs the walk; there a retry is right anyway.
 */
const UNCERTAIN: readonly number[] = [0, Errno.EAGAIN, Errno.ETIMEDOUT];

/** Maximum number of retries because of an uncertain error number. */
const MAX_RETRIES = 16;

/**
 * Makes a call, and retries it when a signal interrupts it or its error number is uncertain. Use it
 * only for calls that change nothing when they fail.
 *
 * @returns the result of the call, or the negative error number
 */
export function attempt(call: () => number): number {
  for (let retries = 0;;) {
    const result = call();
    if (result >= 0) return result;
    const number = lastErrno();
    if (number === Errno.EINTR) continue;
    if (!UNCERTAIN.includes(number) || ++retries > MAX_RETRIES) return -(number || Errno.EAGAIN);
  }
}

/**
 * Makes a call once. Use it for syncs, because the kernel reports lost data a single time, and a
 * retry would succeed without the data. Use it for the steps of a mount, which cannot be repeated.
 *
 * @returns the result of the call, or the negative error number
 */
export function attemptOnce(call: () => number): number {
  const result = call();
  return result >= 0 ? result : -(lastErrno() || Errno.EAGAIN);
}

/** Makes a call by {@linkcode attempt}. @throws {VarveError} `E_SYSCALL` when it fails */
export function check(call: () => number, syscall: string, subject: ByteString | ""): number {
  const result = attempt(call);
  if (result < 0) throw systemError(syscall, subject, -result);
  return result;
}

/** Makes a call by {@linkcode attemptOnce}. @throws {VarveError} `E_SYSCALL` when it fails */
export function checkOnce(call: () => number, syscall: string, subject: ByteString | ""): number {
  const result = attemptOnce(call);
  if (result < 0) throw systemError(syscall, subject, -result);
  return result;
}
