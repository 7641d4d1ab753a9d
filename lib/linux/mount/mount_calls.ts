import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { cString, cString2 } from "../libc/c_string.ts";
import { attemptOnce, checkOnce, errnoName } from "../libc/errno.ts";
import { CWD, type Fd, openAt, procPath } from "../files/fd.ts";
import type { MountParameter } from "./mount_plan.ts";
import { At, Open, SYS } from "../libc/numbers.ts";
import { libc } from "../libc/libc.ts";

const FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1, OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
/** FSCONFIG_… of linux/mount.h. */
const SET_FLAG = 0, SET_STRING = 1, SET_FD = 5, CMD_CREATE = 6;

/** fsconfig(2) takes strings of at most 255 bytes. */
const STRING_MAX = 255;

const EMPTY = "" as ByteString;

/** Begins to configure a file system (fsopen(2)). */
export function fsopen(type: string): Fd {
  const name = cString(type as ByteString);
  return checkOnce(() => libc().fsopen(SYS.fsopen, name, FSOPEN_CLOEXEC), "fsopen", EMPTY) as Fd;
}

/**
 * Gives a file system one parameter (fsconfig(2)).
 *
 * @param held takes descriptors that must stay open until the file system is made: some look a path up only then
 */
export function fsconfig(fs: Fd, parameter: MountParameter, held: Fd[]): void {
  const { key, value, path } = parameter;
  if (value === undefined) {
    return void configure(fs, SET_FLAG, key, null, 0);
  }
  // Some kernels take backslashes out of an overlay's paths and some do not: those go as descriptors.
  const asString = !path || value.length <= STRING_MAX && !value.includes("\\");
  if (asString) return void configure(fs, SET_STRING, key, value, 0);
  const fd = openAt(CWD, value, Open.PATH);
  held.push(fd);
  const number = tryConfigure(fs, SET_FD, key, null, fd);
  if (number === 0) return;
  // Overlay takes descriptors since 6.13; before that, the descriptor's path is short too.
  configure(fs, SET_STRING, key, procPath(fd), 0);
}

function tryConfigure(
  fs: Fd,
  command: number,
  key: string,
  value: ByteString | null,
  fd: number,
): number {
  return -attemptOnce(() =>
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

function configure(fs: Fd, command: number, key: string, value: ByteString | null, fd: number) {
  checkOnce(
    () =>
      libc().fsconfig(
        SYS.fsconfig,
        fs,
        command,
        cString(key as ByteString),
        value === null ? null : cString2(value),
        fd,
      ),
    "fsconfig",
    (value ?? key) as ByteString,
  );
}

/** Makes the file system (FSCONFIG_CMD_CREATE). */
export function fsCreate(fs: Fd): void {
  checkOnce(() => libc().fsconfig(SYS.fsconfig, fs, CMD_CREATE, null, null, 0), "fsconfig", EMPTY);
}

/** Makes a mount of a configured file system, attached nowhere yet (fsmount(2)). */
export function fsmount(fs: Fd, attributes: number): Fd {
  return checkOnce(
    () => libc().fsmount(SYS.fsmount, fs, FSMOUNT_CLOEXEC, attributes),
    "fsmount",
    EMPTY,
  ) as Fd;
}

/** What the kernel had to say about the last failure; empty when nothing. */
export function fsMessages(fs: Fd): string {
  const buffer = new Uint8Array(1024);
  const out: string[] = [];
  for (let count = 0; count < 32; count++) {
    const length = libc().read(fs, buffer, buffer.length);
    if (length <= 0) break;
    // "e overlay: text", the first letter being the severity.
    out.push(fromBytes(buffer, 0, length).replace(/^[ewi] /, "").trim());
  }
  return out.join("; ");
}

/** Attaches a mount at a path; a link in the last component is not followed (move_mount(2)). */
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

/** Copies a mount of a directory, attached nowhere yet (open_tree(2)). */
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

/** mount(2) as it is. */
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

/** umount2(2); never follows a link. Returns the kernel's error, or `undefined`. */
export function unmountCall(target: ByteString, lazy: boolean): string | undefined {
  const MNT_DETACH = 2, UMOUNT_NOFOLLOW = 8;
  const flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  const result = attemptOnce(() => libc().umount2(cString(target), flags));
  return result === 0 ? undefined : errnoName(-result);
}
