import { type ByteString, fromBytes } from "../bytes/mod.ts";
import { readDirectory } from "./files/directory.ts";
import { CWD, openDirectoryAt, ownFd } from "./files/fd.ts";
import { readFileAt } from "./files/read_write.ts";
import { attempt, check } from "./libc/call.ts";
import { Errno, isErrno, systemError } from "./libc/errno.ts";
import { libc } from "./libc/libc.ts";

/** The effective user id of this process. */
export function effectiveUser(): number {
  return libc().geteuid();
}

/** The effective group id of this process. */
export function effectiveGroup(): number {
  return libc().getegid();
}

/**
 * The absolute form of a path, without `.`, `..` and double slashes. It works on the text alone and
 * does not resolve links.
 */
export function absolutePath(path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

/**
 * Runs a function under another umask. The umask belongs to the whole process, so the function must be short, and must not
 * wait. Unlike `Deno.umask`, it needs no permission beyond the one for libc.
 */
export function withUmask(mask: number, run: () => void): void {
  const before = libc().umask(mask);
  try {
    run();
  } finally {
    libc().umask(before);
  }
}

/** Blocks this thread for some milliseconds. For short polling in synchronous code. */
export function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The ids of all processes that this one can see, as the names of their directories in /proc. */
export function processIds(): string[] {
  return numbersIn("/proc");
}

/** Ids of the threads of a process, by system calls; none when it has ended. @throws {VarveError} `E_SYSCALL` */
export function threadIds(pid: number): string[] {
  try {
    return numbersIn(`/proc/${pid}/task`);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return [];
    throw error;
  }
}

function numbersIn(path: string): string[] {
  using directory = ownFd(openDirectoryAt(CWD, path as ByteString));
  return [...readDirectory(directory.fd)].map(({ name }) => name as string)
    .filter((name) => /^[0-9]+$/.test(name));
}

/** The highest standard descriptor. */
const STANDARD_ERROR = 2;
/** Numbers for fcntl(2). */
const F_SETFD = 2, FD_CLOEXEC = 1;

/**
 * Sets close-on-exec on inherited descriptors, except the standard ones, so that programs that this
 * process starts do not inherit them. Descriptors that this process opens have close-on-exec
 * anyway.
 */
export function keepDescriptors(): void {
  using directory = ownFd(openDirectoryAt(CWD, "/proc/self/fd" as ByteString));
  for (const { name } of readDirectory(directory.fd)) {
    if (Number(name) <= STANDARD_ERROR) continue;
    const number = -attempt(() => libc().fcntl(Number(name), F_SETFD, FD_CLOEXEC));
    // Another thread may have closed the descriptor meanwhile.
    if (number > 0 && number !== Errno.EBADF) throw systemError("fcntl", name, number);
  }
}

/** The release of the kernel, such as `"6.12.9-amd64"` (uname(2)). */
export function kernelRelease(): string {
  const buffer = new Uint8Array(390);
  check(() => libc().uname(buffer), "uname", "");
  // struct utsname: six fields of 65 bytes; release is the third.
  const start = 2 * 65;
  return fromBytes(buffer, start, buffer.indexOf(0, start));
}

/** Whether a release is `wanted` (`"6.7"`) or newer. Compares the numbers and ignores suffixes. */
export function releaseAtLeast(release: string, wanted: string): boolean {
  const numbers = (text: string) =>
    (text.match(/^\d+(?:\.\d+)*/)?.[0] ?? "0").split(".").map(Number);
  const have = numbers(release);
  for (const [i, want] of numbers(wanted).entries()) {
    const got = have[i] ?? 0;
    if (got !== want) return got > want;
  }
  return true;
}

/** The bit of `CAP_SYS_ADMIN` (linux/capability.h). */
const CAP_SYS_ADMIN = 21n;

/** Whether this process may mount: `CAP_SYS_ADMIN` is in effect (`CapEff` of /proc/self/status). */
export function mayMount(): boolean {
  const status = readFileAt(CWD, "/proc/self/status" as ByteString);
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) >> CAP_SYS_ADMIN & 1n) === 1n;
}
