import { type ByteString, fromBytes } from "../bytes/mod.ts";
import { check } from "./errno.ts";
import { CWD, readFileAt } from "./fd.ts";
import { libc } from "./symbols.ts";

/** The effective user of this process. */
export function effectiveUser(): number {
  return libc().geteuid();
}

/** The effective group of this process. */
export function effectiveGroup(): number {
  return libc().getegid();
}

/**
 * Sets the file creation mask of the whole process (all threads) and returns
 * the one before: for the start of a program, not for a library call.
 */
export function setUmask(mask: number): number {
  return libc().umask(mask);
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

/** Bits of linux/capability.h. */
export const Capability = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  SYS_CHROOT: 18,
  SYS_ADMIN: 21,
  SYS_RESOURCE: 24,
  MKNOD: 27,
  SETFCAP: 31,
} as const;

/** Whether this process has a capability in effect (`CapEff` of /proc/self/status). */
export function hasCapability(bit: number): boolean {
  const status = readFileAt(CWD, "/proc/self/status" as ByteString);
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) >> BigInt(bit) & 1n) === 1n;
}

/** Whether this process may mount: CAP_SYS_ADMIN in effect. */
export function mayMount(): boolean {
  return hasCapability(Capability.SYS_ADMIN);
}
