import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { isErrno } from "../libc/errno.ts";
import { closeFd, type Fd } from "../files/fd.ts";
import {
  addMountAttributes,
  cloneTree,
  fsconfig,
  fsCreate,
  fsMessages,
  fsmount,
  fsopen,
  mountCall,
  moveMount,
  unmountCall,
} from "./mount_calls.ts";
import { type MountPlan, planMount } from "./mount_plan.ts";
import type { Mount } from "./mount_value.ts";
import { mayMount, pauseThread } from "../process.ts";

const MS_REMOUNT = 32, MS_BIND = 4096, MS_REC = 16384;

/** mount(2) reads one page of options. */
const DATA_MAX = 4095;

/**
 * A child that some thread is just starting has a copy of every open file until it executes its program,
 * so a mount may be in use for milliseconds after its last user closed it.
 */
const UNMOUNT_TRIES = 50, UNMOUNT_PAUSE = 5;

/** How {@linkcode performMount} mounts. */
export interface PerformMountOptions {
  /** Tests: mount(2) only, as on kernels that lack the newer calls. */
  readonly withMountCall?: boolean | undefined;
}

/**
 * Mounts a value at a directory. It appears at once and complete: a read-only
 * bind is never writable, not for a moment. An overlay's directories go one by
 * one through fsconfig(2) (Linux 6.7), so that neither their number nor a
 * comma or colon in a path matters; on older kernels as one option string. The
 * devices of an EROFS image (`device=…`) go one by one, too.
 *
 * @param mount its own `target` is added to the given one
 * @param target an existing directory, or a file for a bind of a file
 * @throws {VarveError} `E_UNSUPPORTED` without the privilege, without the file
 * system, or when the options do not fit an older kernel; else `E_SYSCALL`
 */
export function performMount(
  mount: Mount,
  target: ByteString,
  options: PerformMountOptions = {},
): void {
  const at = mount.target === undefined ? target : `${target}/${mount.target}` as ByteString;
  const plan = planMount(mount);
  try {
    if (mount.type === "bind") bind(mount, plan, at, options);
    else if (options.withMountCall || !configured(mount, plan, at)) {
      byMountCall(mount, plan, at);
    }
  } catch (error) {
    throw explain(error, mount, at);
  }
}

function bind(mount: Mount, plan: MountPlan, at: ByteString, options: PerformMountOptions): void {
  if (options.withMountCall || !cloned(mount, plan, at)) {
    const recursive = plan.recursive ? MS_REC : 0;
    mountCall(mount.source, at, null, MS_BIND | recursive, null);
    // A bind takes no options: they need a second step on old kernels.
    if (plan.flags === 0) return;
    try {
      mountCall(mount.source, at, null, MS_REMOUNT | MS_BIND | plan.flags, null);
    } catch (error) {
      unmountCall(at, true);
      throw error;
    }
  }
}

/** Binds by open_tree(2); false where the kernel lacks the calls. */
function cloned(mount: Mount, plan: MountPlan, at: ByteString): boolean {
  let fd: Fd;
  try {
    fd = cloneTree(mount.source, plan.recursive);
  } catch (error) {
    if (isErrno(error, "ENOSYS")) return false;
    throw error;
  }
  try {
    if (plan.attributes !== 0) addMountAttributes(fd, plan.attributes, plan.recursive);
    moveMount(fd, at);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOSYS")) return false;
    throw error;
  } finally {
    closeFd(fd);
  }
}

/** Mounts by fsopen(2); false where the kernel or the file system lacks the calls or a parameter. */
function configured(mount: Mount, plan: MountPlan, at: ByteString): boolean {
  let fs: Fd;
  try {
    fs = fsopen(mount.type);
  } catch (error) {
    if (isErrno(error, "ENOSYS")) return false;
    throw error;
  }
  const held: Fd[] = [];
  try {
    for (const parameter of plan.parameters) {
      try {
        fsconfig(fs, parameter, held);
      } catch (error) {
        // Before 6.7 overlay knows no `lowerdir+`.
        if (isErrno(error, "EINVAL") && parameter.key.endsWith("+")) return false;
        throw withMessages(error, fs);
      }
    }
    if (plan.attributes & 1) fsconfig(fs, { key: "ro" }, held);
    try {
      if (mount.source !== "") {
        fsconfig(fs, { key: "source", value: mount.source, path: true }, held);
      }
      fsCreate(fs);
    } catch (error) {
      throw withMessages(error, fs);
    }
    const fd = fsmount(fs, plan.attributes);
    try {
      moveMount(fd, at);
    } finally {
      closeFd(fd);
    }
    return true;
  } finally {
    for (const fd of held) closeFd(fd);
    closeFd(fs);
  }
}

function withMessages(error: unknown, fs: Fd): unknown {
  const messages = fsMessages(fs);
  if (messages === "" || !(error instanceof VarveError)) return error;
  return new VarveError(error.code, error.message, { ...error.details, hint: messages });
}

function byMountCall(mount: Mount, plan: MountPlan, at: ByteString): void {
  if (plan.data.length > DATA_MAX) {
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot mount ${mount.type} on ${
        escapeForTerminal(at)
      }: its options need ${plan.data.length} bytes, this kernel takes ${DATA_MAX}`,
      { hint: "use fewer layers or a shorter store path, or Linux 6.7 or newer" },
    );
  }
  mountCall(mount.source, at, mount.type, plan.flags, plan.data);
}

/** A failure in the words of whoever asked for the mount. */
function explain(error: unknown, mount: Mount, at: ByteString): unknown {
  if (!(error instanceof VarveError) || error.code !== "E_SYSCALL") return error;
  const { errno = "", hint } = error.details;
  const thing = `${mount.type} on ${escapeForTerminal(at)}`;
  if (errno === "EPERM" && !mayMount()) {
    return new VarveError(
      "E_UNSUPPORTED",
      `Cannot mount ${thing}: this process may not mount`,
      { ...error.details, hint: "run as root, or use plain files: unpack needs no privileges" },
      { cause: error },
    );
  }
  if (errno === "ENODEV") {
    return new VarveError(
      "E_UNSUPPORTED",
      `Cannot mount ${thing}: this kernel does not have ${mount.type}`,
      error.details,
      { cause: error },
    );
  }
  const { syscall, subject } = error.details;
  const text = error.message.slice(error.message.lastIndexOf(": ") + 2);
  const state = syscall === "fsconfig" && subject !== undefined ? `${subject}: ${text}` : text;
  return new VarveError(
    "E_SYSCALL",
    `Cannot mount ${thing}: ${hint ?? state}${hint === undefined ? "" : ` (${errno})`}`,
    error.details,
    { cause: error },
  );
}

/** How {@linkcode performUnmount} unmounts. */
export interface UnmountOptions {
  /** Detach now, clean up when the last user is gone. */
  readonly lazy?: boolean | undefined;
}

/**
 * Unmounts the topmost mount at a path. A path where nothing is mounted is no error.
 *
 * @returns whether something was mounted there
 * @throws {VarveError} `E_BUSY` when it is in use, and stays so for a quarter of a second; else `E_SYSCALL`
 */
export function performUnmount(target: ByteString, options: UnmountOptions = {}): boolean {
  let errno = unmountCall(target, options.lazy ?? false);
  for (let i = 1; errno === "EBUSY" && i < UNMOUNT_TRIES; i++) {
    pauseThread(UNMOUNT_PAUSE);
    errno = unmountCall(target, options.lazy ?? false);
  }
  if (errno === undefined) return true;
  // EINVAL: not a mount point. ENOENT: gone altogether.
  if (errno === "EINVAL" || errno === "ENOENT") return false;
  const shown = escapeForTerminal(target);
  const details = { errno, syscall: "umount2", subject: shown };
  if (errno === "EBUSY") {
    throw new VarveError("E_BUSY", `Cannot unmount ${shown}: it is in use`, {
      ...details,
      hint: "end the processes that use it, or detach it with --lazy",
    });
  }
  throw new VarveError("E_SYSCALL", `Cannot unmount ${shown}: ${errno}`, details);
}
