import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { closeFd, type Fd, type OwnedFd, ownFd } from "../files/fd.ts";
import { openRoot } from "../files/open_beneath.ts";
import { isErrno } from "../libc/errno.ts";
import { mayMount } from "../process.ts";
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

const MS_REMOUNT = 32, MS_BIND = 4096, MS_REC = 16384;
const MOUNT_ATTR_RDONLY = 1;

/** Maximum length of the option string of mount(2), which is one page. */
const DATA_MAX = 4095;

/** Options of {@linkcode performMount}. */
export interface PerformMountOptions {
  /** For tests: uses only mount(2), as on kernels without the newer calls. */
  readonly withMountCall?: boolean | undefined;
}

/**
 * Performs a mount. It appears complete: a read-only bind is never writable, not even for a moment.
 * (On kernels before Linux 5.12, it is writable between the two calls of mount(2) that make it.)
 *
 * The directories of an overlay are passed one by one through fsconfig(2) (Linux 6.7), so neither
 * their number nor a comma or colon in a path matters. On older kernels they are passed as one
 * option string. The devices of an EROFS image (`device=…`) are passed one by one too.
 *
 * @param mount the mount; if it has a `target`, that path is relative to the parameter `target`
 * @param target path of an existing directory; for a bind of a file, path of an existing file
 * @throws {VarveError} `E_UNSUPPORTED` when this process may not mount, when the kernel lacks the file
 * system, or when the options are too long for an older kernel; otherwise `E_SYSCALL`
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
    else if (options.withMountCall || !mountByFsopen(mount, plan, at)) {
      mountByMountCall(mount, plan, at);
    }
  } catch (error) {
    throw explain(error, mount, at);
  }
}

function bind(mount: Mount, plan: MountPlan, at: ByteString, options: PerformMountOptions): void {
  if (options.withMountCall || !bindByOpenTree(mount, plan, at)) {
    const recursive = plan.recursive ? MS_REC : 0;
    mountCall(mount.source, at, null, MS_BIND | recursive, null);
    // With MS_BIND, mount(2) ignores `plan.flags`. A second call sets them.
    if (plan.flags === 0) return;
    try {
      mountCall(mount.source, at, null, MS_REMOUNT | MS_BIND | plan.flags, null);
    } catch (error) {
      unmountCall(at, true);
      throw error;
    }
  }
}

/** Binds by open_tree(2). Returns false when the kernel lacks the calls. */
function bindByOpenTree(mount: Mount, plan: MountPlan, at: ByteString): boolean {
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

/**
 * Mounts by fsopen(2). Returns false when the kernel lacks the calls, or the file system lacks a
 * parameter.
 */
function mountByFsopen(mount: Mount, plan: MountPlan, at: ByteString): boolean {
  const fd = createByFsopen(mount, plan);
  if (fd === null) return false;
  try {
    moveMount(fd, at);
  } finally {
    closeFd(fd);
  }
  return true;
}

/** Makes a mount that is not attached. Returns null where {@linkcode mountByFsopen} returns false. */
function createByFsopen(mount: Mount, plan: MountPlan): Fd | null {
  let fs: Fd;
  try {
    fs = fsopen(mount.type);
  } catch (error) {
    if (isErrno(error, "ENOSYS")) return null;
    throw error;
  }
  const held: Fd[] = [];
  try {
    for (const parameter of plan.parameters) {
      try {
        fsconfig(fs, parameter, held);
      } catch (error) {
        // Overlay has `lowerdir+` since Linux 6.7.
        if (isErrno(error, "EINVAL") && parameter.key.endsWith("+")) return null;
        throw withMessages(error, fs);
      }
    }
    if (plan.attributes & MOUNT_ATTR_RDONLY) fsconfig(fs, { key: "ro" }, held);
    try {
      if (mount.source !== "") {
        fsconfig(fs, { key: "source", value: mount.source, path: true }, held);
      }
      fsCreate(fs);
    } catch (error) {
      throw withMessages(error, fs);
    }
    return fsmount(fs, plan.attributes);
  } finally {
    for (const fd of held) closeFd(fd);
    closeFd(fs);
  }
}

/**
 * Opens the root of a mount that appears nowhere. Closing it, and what was opened in it, ends the mount, also when the
 * process is killed. A bind needs no mount: its source is opened.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when this process may not mount, or before Linux 6.7; otherwise `E_SYSCALL`
 */
export function openDetached(mount: Mount): OwnedFd {
  if (mount.type === "bind") return ownFd(openRoot(mount.source));
  let fd: Fd | null;
  try {
    fd = createByFsopen(mount, planMount(mount));
  } catch (error) {
    throw explain(error, mount, "nothing" as ByteString);
  }
  if (fd !== null) return ownFd(fd);
  throw new VarveError("E_UNSUPPORTED", `Cannot mount ${mount.type} privately: it needs Linux 6.7`);
}

/** Adds the kernel's messages to an error as a hint. */
function withMessages(error: unknown, fs: Fd): unknown {
  const messages = fsMessages(fs);
  if (messages === "" || !(error instanceof VarveError)) return error;
  return new VarveError(error.code, error.message, { ...error.details, hint: messages });
}

function mountByMountCall(mount: Mount, plan: MountPlan, at: ByteString): void {
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

/** Turns the error of a system call into an error of the mount. */
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
