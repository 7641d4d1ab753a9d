import { type ByteString, fromBytes } from "../bytes/mod.ts";
import { readDirectory } from "./files/directory.ts";
import { attempt, check, systemError } from "./libc/errno.ts";
import { CWD, openDirectoryAt, ownFd, readFileAt } from "./files/fd.ts";
import { libc } from "./libc/libc.ts";

/** The effective user of this process. */
export function effectiveUser(): number {
  return libc().geteuid();
}

/** The effective group of this process. */
export function effectiveGroup(): number {
  return libc().getegid();
}

/** A path from the root, without `.`, `..` and double slashes, by its letters alone. */
export function absolutePath(path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

/** Stops this thread for some milliseconds: for a moment, where what is waited for tells nobody. */
export function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The last of the standard descriptors. */
const STANDARD_ERROR = 2;
/** fcntl(2): `F_SETFD` with `FD_CLOEXEC`. */
const SET_FLAGS = 2, CLOSE_ON_EXEC = 1;
const EBADF = 9;

/**
 * Keeps what this process was started with, but for the standard descriptors, from the programs that it starts
 * itself. What it opens is kept from them anyway.
 */
export function keepDescriptors(): void {
  using directory = ownFd(openDirectoryAt(CWD, "/proc/self/fd" as ByteString));
  for (const { name } of readDirectory(directory.fd)) {
    if (Number(name) <= STANDARD_ERROR) continue;
    const number = -attempt(() => libc().fcntl(Number(name), SET_FLAGS, CLOSE_ON_EXEC));
    // Another thread may have closed it since.
    if (number > 0 && number !== EBADF) throw systemError("fcntl", name, number);
  }
}

/** The kernel's release, such as `"6.12.9-amd64"`. */
export function kernelRelease(): string {
  const buffer = new Uint8Array(390);
  check(() => libc().uname(buffer), "uname", "");
  // struct utsname: six fields of 65 bytes; release is the third.
  const start = 2 * 65;
  return fromBytes(buffer, start, buffer.indexOf(0, start));
}

/** Whether a release is at least `wanted` (`"6.7"`): numbers compared, suffixes ignored. */
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
