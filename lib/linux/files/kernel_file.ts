import type { ByteString } from "../../bytes/mod.ts";
import { isErrno } from "../libc/errno.ts";
import { CWD } from "./fd.ts";
import { readLinkAt } from "./names.ts";
import { readFileAt } from "./read_write.ts";

/**
 * Reads a file in /proc or /sys by system calls: Deno's own file API reads there only with all permissions.
 *
 * @returns `undefined` if it does not exist, its process or cgroup ended, or this user may not read it
 * @throws {VarveError} `E_DENIED` without permission for FFI
 */
export function readKernelFile(path: string): ByteString | undefined {
  return unlessGone(() => readFileAt(CWD, path as ByteString));
}

/**
 * Reads a symbolic link in /proc or /sys, as {@linkcode readKernelFile} reads a file. Also `undefined` if the path that it
 * leads to does not fit into a page.
 */
export function readKernelLink(path: string): ByteString | undefined {
  return unlessGone(() => readLinkAt(CWD, path as ByteString));
}

/**
 * Errors of a process or cgroup that ended, or that this user may not read. ENAMETOOLONG: the path that a link of
 * /proc leads to does not fit into a page.
 */
const GONE = [
  "ENOENT",
  "ENOTDIR",
  "ESRCH",
  "ENODEV",
  "EACCES",
  "EPERM",
  "ENAMETOOLONG",
] as const;

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, ...GONE)) return undefined;
    throw error;
  }
}
