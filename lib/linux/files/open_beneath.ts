import type { ByteString } from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { attempt, errnoName, systemError } from "../libc/errno.ts";
import { type Fd, openAt } from "./fd.ts";
import { Open, Resolve, SYS } from "../libc/numbers.ts";
import { libc } from "../libc/libc.ts";
import { walkOpen } from "./walk_open.ts";

/** How {@linkcode openBeneath} resolves. */
export interface OpenBeneathOptions {
  /** Flags of {@linkcode Open}. */
  readonly flags: number;
  /** Mode of a file that is created. */
  readonly mode?: number | undefined;
  /** Bits of {@linkcode Resolve}. */
  readonly resolve: number;
  /** Tests: resolve step by step in user space, as on kernels before 5.6. */
  readonly withoutOpenat2?: boolean | undefined;
}

let missing = false;

// struct open_how: u64 flags, u64 mode, u64 resolve.
const how = new Uint32Array(6);
const howBytes = new Uint8Array(how.buffer);

/** The kernel answers EAGAIN when something was renamed during the walk; an attacker could do that for ever. */
const TRIES = 64;

/** The longest path that the kernel takes in one call, with its NUL. */
const PATH_MAX = 4096;

/**
 * Opens a path below a directory without ever leaving it (openat2(2)); where
 * the kernel lacks the call (before 5.6) or the path is longer than 4095 bytes,
 * the walk is done here, one component and one descriptor at a time.
 *
 * @throws {VarveError} `E_SYSCALL`: EXDEV when the path would leave (`BENEATH`)
 * or crosses a mount (`NO_XDEV`), ELOOP at a forbidden link or after 40 links
 */
export function openBeneath(directory: Fd, path: ByteString, options: OpenBeneathOptions): Fd {
  const flags = options.flags | Open.CLOSE_ON_EXEC;
  if (missing || options.withoutOpenat2 || path.length >= PATH_MAX) {
    return walkOpen(directory, path, flags, options.mode ?? 0, options.resolve);
  }
  how[0] = flags;
  how[2] = options.mode ?? 0;
  how[4] = options.resolve;
  const c = libc();
  const name = cString(path);
  for (let tries = 0;; tries++) {
    const call = () => c.openat2(SYS.openat2, directory, name, howBytes, how.byteLength);
    const result = attempt(call);
    if (result >= 0) return result as Fd;
    const number = -result;
    const errno = errnoName(number);
    if (errno === "EAGAIN" && tries < TRIES) continue;
    // EPERM: a seccomp filter of before 5.6 (old container runtimes) answers so.
    if (errno === "ENOSYS" || (errno === "EPERM" && !available(directory))) {
      missing = true;
      return walkOpen(directory, path, flags, options.mode ?? 0, options.resolve);
    }
    throw systemError("openat2", path, number);
  }
}

function available(directory: Fd): boolean {
  how[0] = Open.PATH | Open.CLOSE_ON_EXEC;
  how[2] = 0;
  how[4] = 0;
  const c = libc();
  const result = c.openat2(SYS.openat2, directory, cString("." as ByteString), howBytes, 24);
  if (result >= 0) c.close(result);
  return result >= 0;
}

/** Opens a path as if the directory were the root of the file system: links and `..` stay inside. */
export function openInRoot(root: Fd, path: ByteString, flags: number): Fd {
  return openBeneath(root, path, {
    flags,
    resolve: Resolve.IN_ROOT | Resolve.NO_MAGICLINKS,
  });
}

/** Names a directory (`O_PATH`), from where a tree is worked on. The path itself may hold links. */
export function openRoot(path: ByteString): Fd {
  return openAt(-100 as Fd, path, Open.PATH | Open.DIRECTORY);
}
