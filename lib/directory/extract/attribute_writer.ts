import { type ByteString, equalTimestamps, type Timestamp, timestamp } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  chmodAt,
  chmodFd,
  chownAt,
  chownFd,
  effectiveGroup,
  effectiveUser,
  type Fd,
  fileSystemOf,
  isErrno,
  setXattrAt,
  setXattrFd,
  statAt,
  statFd,
  utimensAt,
  utimensFd,
} from "../../linux/mod.ts";
import type { Attributes, DeviceNode, FifoNode, SymlinkNode, Xattr } from "../../tree/mod.ts";
import type { DropReason, ExtractPolicy } from "./contract.ts";
import type { Tally } from "./extract_report.ts";

/**
 * A time in January 2038, in seconds since the epoch. Every file system can store the times from
 * the epoch up to this time.
 */
const EVERYWHERE = 0x8000_0000;

/** The properties of the target that an {@linkcode AttributeWriter} needs. */
export interface AttributeTarget {
  /** The target directory. */
  readonly root: Fd;
  /** Whether to leave out attributes that only root may set. */
  readonly rootless: boolean;
  /** Resolution of the file system's times, in nanoseconds. */
  readonly timeStep: number;
}

/**
 * Finds the resolution of a file system's times: sets the times of a directory and reads them back.
 *
 * @param directory open for reading; the extraction sets its final times later
 * @returns nanoseconds, 1 to 10^9
 */
export function probeTimeStep(directory: Fd): number {
  const most = 999_999_999;
  utimensFd(directory, timestamp(1_000_000_000, most));
  return most + 1 - statFd(directory).mtime.ns;
}

/**
 * Sets owner, xattrs, mode and times of inodes, in the only order that works: `chown` clears set-id
 * bits and capabilities, an ACL changes the mode, and every other change also changes the times.
 */
export class AttributeWriter {
  readonly #keepOwners: boolean;
  readonly #rootless: boolean;
  readonly #tally: Tally;
  readonly #root: Fd;
  readonly #uid: number = effectiveUser();
  readonly #gid: number = effectiveGroup();
  readonly #step: number;

  /**
   * Makes a writer for the inodes below a target. The policy says which attributes to leave out,
   * and `tally` counts them.
   */
  constructor(policy: ExtractPolicy, target: AttributeTarget, tally: Tally) {
    const { root, rootless, timeStep } = target;
    this.#rootless = rootless;
    this.#keepOwners = policy.owners === "keep" && !rootless;
    this.#root = root;
    this.#tally = tally;
    this.#step = timeStep;
  }

  /**
   * Writes the attributes of an open file or directory. `extra` are xattrs for overlayfs, which no
   * policy leaves out.
   */
  writeFd(fd: Fd, node: Attributes, extra: readonly Xattr[] = []): void {
    if (this.#changesOwner(node)) chown(node, () => chownFd(fd, node.uid, node.gid));
    for (const { name, value } of extra) setXattrFd(fd, name, value);
    for (const xattr of node.xattrs) {
      if (this.#admits(xattr.name, true)) {
        this.#try(node, () => setXattrFd(fd, xattr.name, xattr.value));
      }
    }
    chmodFd(fd, node.mode);
    utimensFd(fd, node.mtime);
    this.#countTime(node.mtime, () => statFd(fd).mtime);
  }

  /** Writes the attributes of a symbolic link, device or FIFO, without opening it. */
  writeAt(directory: Fd, name: ByteString, node: SymlinkNode | DeviceNode | FifoNode): void {
    if (this.#changesOwner(node)) {
      chown(node, () => chownAt(directory, name, node.uid, node.gid));
    }
    for (const xattr of node.xattrs) {
      if (this.#admits(xattr.name, false)) {
        this.#try(node, () => setXattrAt(directory, name, xattr.name, xattr.value));
      }
    }
    // A symbolic link has no mode of its own.
    if (node.type !== "symlink") chmodAt(directory, name, node.mode);
    utimensAt(directory, name, node.mtime);
    this.#countTime(node.mtime, () => statAt(directory, name).mtime);
  }

  #drop(reason: DropReason): void {
    this.#tally.dropped[reason]++;
  }

  /**
   * Whether the owner must be changed. New inodes belong to this process's user, who may be the
   * right owner already.
   */
  #changesOwner({ uid, gid }: Attributes): boolean {
    if (uid === this.#uid && gid === this.#gid) return false;
    if (!this.#keepOwners) this.#drop("owner");
    return this.#keepOwners;
  }

  #admits(name: ByteString, isOpen: boolean): boolean {
    if (name.startsWith("trusted.") || name.startsWith("user.overlay.")) {
      // An image must not be able to control overlayfs.
      this.#drop("xattr-trusted");
      return false;
    }
    if (this.#rootless && name.startsWith("security.")) {
      this.#drop("xattr-security");
      return false;
    }
    if (!isOpen && name.startsWith("user.")) {
      // The kernel allows user.* on files and directories only (xattr(7)).
      this.#drop("xattr-unsupported");
      return false;
    }
    return true;
  }

  #try({ xattrs }: Attributes, set: () => void): void {
    try {
      set();
    } catch (error) {
      if (isErrno(error, "ENOSPC", "E2BIG", "ERANGE")) throw this.#tooLarge(error, xattrs);
      if (!isErrno(error, "ENOTSUP", "EPERM", "EACCES")) throw error;
      if (this.#rootless) return this.#drop("xattr-unsupported");
      if (!isErrno(error, "ENOTSUP")) throw error;
      const { type } = fileSystemOf(this.#root);
      throw new VarveError(
        "E_SYSCALL",
        `Cannot set extended attribute ${error.details.subject}: this ${type} does not support it`,
        { ...error.details, hint: "use a file system that supports extended attributes" },
        { cause: error },
      );
    }
  }

  /**
   * Explains ENOSPC: most file systems have little room for the xattrs of one file, and report a
   * full disk when that room is used up.
   */
  #tooLarge(error: VarveError, xattrs: readonly Xattr[]): VarveError {
    const { available, type } = fileSystemOf(this.#root);
    const bytes = xattrs.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
    if (available <= bytes) return error;
    return new VarveError(
      "E_SYSCALL",
      `Cannot set extended attribute ${error.details.subject}: ${type} has no room for the ${bytes} bytes of this file's attributes`,
      {
        ...error.details,
        hint: type === "ext4"
          ? "ext4 keeps these attributes in one block, usually of 4096 bytes: use xfs or btrfs, or mount by the erofs driver"
          : "use another file system, or mount by the erofs driver",
      },
      { cause: error },
    );
  }

  #countTime(wanted: Timestamp, read: () => Timestamp): void {
    // To read back the time of every file would cost one more call for each file, so only unusual
    // times are read back.
    const usual = wanted.hi === 0 && wanted.lo < EVERYWHERE;
    if (usual ? wanted.ns % this.#step === 0 : equalTimestamps(wanted, read())) return;
    this.#drop("time");
  }
}

/** Changes an owner. In a user namespace, root may give files only to the users that the namespace maps. */
function chown({ uid, gid }: Attributes, change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!isErrno(error, "EINVAL")) throw error;
    throw new VarveError(error.code, error.message, {
      ...error.details,
      hint:
        `this user namespace does not have ${uid}:${gid}: run as a user that is not root, or map more users`,
    }, { cause: error });
  }
}
