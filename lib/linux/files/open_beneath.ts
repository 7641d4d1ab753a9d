import type { ByteString } from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { attempt } from "../libc/call.ts";
import { errnoName, systemError } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { Open, Resolve, SYS } from "../libc/numbers.ts";
import { CWD, type Fd, openAt } from "./fd.ts";
import { walkOpen } from "./walk_open.ts";

/** Options of {@linkcode openBeneath}. */
export interface OpenBeneathOptions {
  /** Bits of {@linkcode Open}. */
  readonly flags: number;
  /** Mode of a file that is created. */
  readonly mode?: number | undefined;
  /** Bits of {@linkcode Resolve}. */
  readonly resolve: number;
  /** For tests: resolves in user space, as on kernels before 5.6. */
  readonly withoutOpenat2?: boolean | undefined;
}

/** Whether the kernel was found to lack openat2(2). */
let isMissing = false;

// struct open_how: u64 flags, u64 mode, u64 resolve.
const how = new Uint32Array(6);
const howBytes = new Uint8Array(how.buffer);

/**
 * Limit of retries on EAGAIN, which means that a rename disturbed the walk. Without a limit, an
 * attacker who keeps renaming could block the call forever.
 */
const MAX_RETRIES = 64;

/** Maximum length of a path in one system call, with its NUL. */
const PATH_MAX = 4096;

/**
 * Opens a path below a directory, and never leaves the directory (openat2(2)).
 *
 * If the kernel lacks the call (before 5.6), or the path is longer than 4095 bytes, it falls back to a
 * walk in user space, one component and one descriptor at a time.
 *
 * @throws {VarveError} `E_SYSCALL`: EXDEV when the path leads outside (`BENEATH`) or crosses a mount
 * (`NO_XDEV`), ELOOP at a forbidden link or after 40 links
 */
export function openBeneath(directory: Fd, path: ByteString, options: OpenBeneathOptions): Fd {
  const flags = options.flags | Open.CLOSE_ON_EXEC;
  if (isMissing || options.withoutOpenat2 || path.length >= PATH_MAX) {
    return walkOpen(directory, path, flags, options.mode ?? 0, options.resolve);
  }
  how[0] = flags;
  how[2] = options.mode ?? 0;
  how[4] = options.resolve;
  const c = libc();
  const name = cString(path);
  for (let retries = 0;; retries++) {
    const call = () => c.openat2(SYS.openat2, directory, name, howBytes, how.byteLength);
    const result = attempt(call);
    if (result >= 0) return result as Fd;
    const number = -result;
    const errno = errnoName(number);
    if (errno === "EAGAIN" && retries < MAX_RETRIES) continue;
    // EPERM may come from a seccomp filter that does not know the call, as in old container runtimes.
    if (errno === "ENOSYS" || (errno === "EPERM" && !isAvailable(directory))) {
      isMissing = true;
      return walkOpen(directory, path, flags, options.mode ?? 0, options.resolve);
    }
    throw systemError("openat2", path, number);
  }
}

/**
 * Whether openat2(2) works at all. Opens `.` in the directory with `O_PATH` to find out: the kernel
 * itself does not answer that with EPERM.
 */
function isAvailable(directory: Fd): boolean {
  how[0] = Open.PATH | Open.CLOSE_ON_EXEC;
  how[2] = 0;
  how[4] = 0;
  const c = libc();
  const result = c.openat2(SYS.openat2, directory, cString("." as ByteString), howBytes, 24);
  if (result >= 0) c.close(result);
  return result >= 0;
}

/** Opens a path as if the directory were the root of the file system. Links and `..` stay inside. */
export function openInRoot(root: Fd, path: ByteString, flags: number): Fd {
  return openBeneath(root, path, {
    flags,
    resolve: Resolve.IN_ROOT | Resolve.NO_MAGICLINKS,
  });
}

/** Opens a directory with `O_PATH`, as the root for work on a tree. Links in the path are followed. */
export function openRoot(path: ByteString): Fd {
  return openAt(CWD, path, Open.PATH | Open.DIRECTORY);
}
