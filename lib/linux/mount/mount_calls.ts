import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { CWD, type Fd, openAt, procPath } from "../files/fd.ts";
import { cString, cString2 } from "../libc/c_string.ts";
import { attemptOnce, checkOnce } from "../libc/call.ts";
import { errnoName, systemError } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { At, Open, SYS } from "../libc/numbers.ts";
import type { MountParameter } from "./mount_plan.ts";

const FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1, OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
/** Commands of fsconfig(2) (`FSCONFIG_…` of linux/mount.h). */
const SET_FLAG = 0, SET_STRING = 1, SET_FD = 5, CMD_CREATE = 6;

/** Maximum length of a string for fsconfig(2) in bytes. */
const STRING_MAX = 255;

const EMPTY = "" as ByteString;

/** Begins to configure a file system (fsopen(2)). Close the descriptor after the mount is made. */
export function fsopen(type: string): Fd {
  const name = cString(type as ByteString);
  return checkOnce(() => libc().fsopen(SYS.fsopen, name, FSOPEN_CLOEXEC), "fsopen", EMPTY) as Fd;
}

/**
 * Sets one parameter of a file system (fsconfig(2)).
 *
 * @param held receives descriptors that must stay open until the file system is made, because some
 * file systems look up a path only then
 */
export function fsconfig(fs: Fd, parameter: MountParameter, held: Fd[]): void {
  const { key, value, path } = parameter;
  if (value === undefined) {
    return configure(fs, SET_FLAG, key, null);
  }
  // Some kernels remove backslashes from an overlay's paths, and some do not. So pass such paths as
  // descriptors.
  const asString = !path || value.length <= STRING_MAX && !value.includes("\\");
  if (asString) return configure(fs, SET_STRING, key, value);
  const fd = openAt(CWD, value, Open.PATH);
  held.push(fd);
  if (configureOnce(fs, SET_FD, key, null, fd) === 0) return;
  // Before Linux 6.13, overlay accepts no descriptors. Pass the descriptor's path in /proc, which
  // is short and has no backslash.
  configure(fs, SET_STRING, key, procPath(fd));
}

/** Makes one call of fsconfig(2). Returns 0 or the negative error number. */
function configureOnce(
  fs: Fd,
  command: number,
  key: string,
  value: ByteString | null,
  fd: number,
): number {
  return attemptOnce(() =>
    libc().fsconfig(
      SYS.fsconfig,
      fs,
      command,
      cString(key as ByteString),
      value === null ? null : cString2(value),
      fd,
    )
  );
}

/** Sets a flag or a string. @throws {VarveError} `E_SYSCALL` */
function configure(fs: Fd, command: number, key: string, value: ByteString | null): void {
  const result = configureOnce(fs, command, key, value, 0);
  if (result < 0) throw systemError("fsconfig", (value ?? key) as ByteString, -result);
}

/** Makes the file system from its parameters (`FSCONFIG_CMD_CREATE`). */
export function fsCreate(fs: Fd): void {
  checkOnce(() => libc().fsconfig(SYS.fsconfig, fs, CMD_CREATE, null, null, 0), "fsconfig", EMPTY);
}

/**
 * Makes a mount of the file system (fsmount(2)). The mount is not attached to a path yet; see
 * {@linkcode moveMount}.
 */
export function fsmount(fs: Fd, attributes: number): Fd {
  return checkOnce(
    () => libc().fsmount(SYS.fsmount, fs, FSMOUNT_CLOEXEC, attributes),
    "fsmount",
    EMPTY,
  ) as Fd;
}

/** The kernel's messages about the last failure; empty when there are none. */
export function fsMessages(fs: Fd): string {
  const buffer = new Uint8Array(1024);
  const out: string[] = [];
  for (let count = 0; count < 32; count++) {
    const length = libc().read(fs, buffer, buffer.length);
    if (length <= 0) break;
    // A message is "e overlay: text"; the first letter is the severity.
    out.push(fromBytes(buffer, 0, length).replace(/^[ewi] /, "").trim());
  }
  return out.join("; ");
}

/** Attaches a mount to a path (move_mount(2)). A link in the last component is not followed. */
export function moveMount(mount: Fd, target: ByteString): void {
  checkOnce(
    () =>
      libc().move_mount(
        SYS.move_mount,
        mount,
        cString(EMPTY),
        CWD,
        cString2(target),
        MOVE_MOUNT_F_EMPTY_PATH,
      ),
    "move_mount",
    target,
  );
}

/**
 * Makes a bind mount of a directory or file (open_tree(2)). The mount is not attached to a path yet;
 * see {@linkcode moveMount}.
 */
export function cloneTree(source: ByteString, recursive: boolean): Fd {
  const flags = OPEN_TREE_CLONE | Open.CLOSE_ON_EXEC | (recursive ? At.RECURSIVE : 0);
  return checkOnce(
    () => libc().open_tree(SYS.open_tree, CWD, cString(source), flags),
    "open_tree",
    source,
  ) as Fd;
}

/** Adds attributes to a mount (mount_setattr(2), Linux 5.12). */
export function addMountAttributes(mount: Fd, attributes: number, recursive: boolean): void {
  // struct mount_attr: u64 attr_set, attr_clr, propagation, userns_fd.
  const attr = new Uint32Array(8);
  attr[0] = attributes;
  checkOnce(
    () =>
      libc().mount_setattr(
        SYS.mount_setattr,
        mount,
        cString(EMPTY),
        At.EMPTY_PATH | (recursive ? At.RECURSIVE : 0),
        new Uint8Array(attr.buffer),
        attr.byteLength,
      ),
    "mount_setattr",
    EMPTY,
  );
}

/** Mounts by mount(2). `null` stands for a null pointer. */
export function mountCall(
  source: ByteString,
  target: ByteString,
  type: string | null,
  flags: number,
  data: ByteString | null,
): void {
  const bytes = data === null ? null : Uint8Array.from(`${data}\0`, (char) => char.charCodeAt(0));
  const typed = type === null ? null : Uint8Array.from(`${type}\0`, (char) => char.charCodeAt(0));
  checkOnce(
    () => libc().mount(cString(source), cString2(target), typed, flags, bytes),
    "mount",
    target,
  );
}

/**
 * Unmounts by umount2(2). Never follows a link.
 *
 * @returns the name of the kernel's error; `undefined` on success
 */
export function unmountCall(target: ByteString, lazy: boolean): string | undefined {
  const MNT_DETACH = 2, UMOUNT_NOFOLLOW = 8;
  const flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  const result = attemptOnce(() => libc().umount2(cString(target), flags));
  return result === 0 ? undefined : errnoName(-result);
}
