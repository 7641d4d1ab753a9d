import type { ByteString } from "../../bytes/mod.ts";
import type { VarveError } from "../../errors.ts";
import type { Attributes, Node } from "../../tree/mod.ts";
import type { Entry } from "../entry.ts";
import type { LayerPolicy } from "../policy.ts";
import type { WarningCounter } from "../warnings.ts";
import type { Budget } from "./budget.ts";
import { entryError } from "./path.ts";
import { judgeXattrs, type XattrInode } from "./xattrs.ts";

/** Maximum user or group id. Linux reserves −1, which means "no change" in its calls. */
const MAX_ID = 0xffff_fffe;
/** Linux has 12 bits for the major number of a device. */
const MAX_MAJOR = 0xfff;
/** Linux has 20 bits for the minor number of a device. */
const MAX_MINOR = 0xf_ffff;
/** Maximum length of a symbolic link's target: `PATH_MAX` without its NUL. */
const MAX_TARGET = 4095;
/** Size of an extent of a sparse file in the tree, in bytes. */
const EXTENT_BYTES = 24;
/** The bits of a mode that a node keeps. */
const PERMISSIONS = 0o7777;

/** Turns entries into nodes, and refuses attributes that no inode of Linux can have. */
export class EntryNodes {
  readonly #policy: LayerPolicy;
  readonly #budget: Budget;
  readonly #warnings: WarningCounter;

  constructor(policy: LayerPolicy, budget: Budget, warnings: WarningCounter) {
    this.#policy = policy;
    this.#budget = budget;
    this.#warnings = warnings;
  }

  /**
   * The attributes of an inode from an entry.
   *
   * @param inode type and mode of the inode, if they differ from those of the entry
   * @throws {VarveError} `E_ID`, `E_TIME`, `E_XATTR`, `E_LIMIT`
   */
  attributes(entry: Entry, inode: XattrInode = inodeOf(entry)): Attributes {
    const { path, uid, gid, mtime } = entry;
    if (!isUpTo(uid, MAX_ID)) throw entryError("E_ID", path, `its user id is ${uid}`);
    if (!isUpTo(gid, MAX_ID)) throw entryError("E_ID", path, `its group id is ${gid}`);
    if (!isUpTo(mtime.ns, 999_999_999)) throw entryError("E_TIME", path, "its time is malformed");
    const { limits } = this.#budget;
    const xattrs = judgeXattrs(entry, inode, this.#policy, limits, this.#warnings);
    for (const { name, value } of xattrs) this.#budget.metadata(name.length + value.length, path);
    return { mode: inode.mode, uid, gid, mtime, xattrs };
  }

  /**
   * The node of an entry that is neither a directory nor a hard link. A file has no content yet.
   *
   * @throws {VarveError} `E_SIZE`, `E_LINKNAME`, `E_TYPE`, and the errors of {@linkcode EntryNodes.attributes}
   */
  nonDirectory(entry: Entry): Exclude<Node, { type: "directory" | "whiteout" }> {
    const { path, type } = entry;
    const attributes = this.attributes(entry);
    switch (type) {
      case "file":
        if (!Number.isSafeInteger(entry.size) || entry.size < 0) {
          throw entryError("E_SIZE", path, `its size is ${entry.size}`);
        }
        if (entry.extents.length > 1) {
          this.#budget.metadata(entry.extents.length * EXTENT_BYTES, path);
        }
        return {
          type,
          group: null,
          size: entry.size,
          digest: null,
          locator: null,
          ...attributes,
        };
      case "symlink":
        checkTarget(entry, MAX_TARGET);
        this.#budget.metadata(entry.linkname.length, path);
        return { type, group: null, target: entry.linkname, ...attributes };
      case "char":
      case "block":
        return { type, group: null, major: entry.devmajor, minor: entry.devminor, ...attributes };
      case "fifo":
        return { type, group: null, ...attributes };
      default:
        throw entryError("E_TYPE", path, `the type ${String(type)} is not known`);
    }
  }

  /**
   * Counts the target and the attributes of an inode that gets the attributes of another entry. It
   * is then decoded and encoded again, and an entry with other attributes may follow any number of
   * times.
   *
   * @throws {VarveError} `E_LIMIT`
   */
  again(node: Exclude<Node, { type: "directory" | "whiteout" }>, path: ByteString): void {
    if (node.type === "symlink") this.#budget.metadata(node.target.length, path);
    for (const { name, value } of node.xattrs) {
      this.#budget.metadata(name.length + value.length, path);
    }
  }
}

/**
 * The mode of a node of `type` from an entry. Linux gives every symbolic link mode 0777 and ignores
 * it.
 */
export function modeOf(type: string, entry: Entry): number {
  return type === "symlink" ? 0o777 : entry.mode & PERMISSIONS;
}

function inodeOf(entry: Entry): XattrInode {
  const type = entry.type === "hardlink" ? "file" : entry.type;
  return { type, mode: modeOf(type, entry) };
}

/** Checks the numbers of a device. @throws {VarveError} `E_DEV_RANGE` */
export function checkDevice({ path, devmajor, devminor }: Entry): void {
  if (isUpTo(devmajor, MAX_MAJOR) && isUpTo(devminor, MAX_MINOR)) return;
  throw entryError("E_DEV_RANGE", path, `device number ${devmajor}:${devminor} is out of range`);
}

/**
 * Checks the target of a hard or symbolic link; `limit` is in bytes.
 *
 * @throws {VarveError} `E_LINKNAME`
 */
export function checkTarget({ linkname, path }: Entry, limit: number): void {
  if (linkname === "") throw entryError("E_LINKNAME", path, "it is a link without a target");
  if (linkname.includes("\0")) throw entryError("E_LINKNAME", path, "its target holds a NUL");
  if (linkname.length > limit) {
    throw entryError("E_LINKNAME", path, `its target is longer than ${limit} bytes`);
  }
}

/** The error of an entry that would replace the root by something other than a directory. */
export function rootTypeError(path: ByteString): VarveError {
  return entryError("E_ROOT_TYPE", path, "the root can only be a directory");
}

/** Whether a number is an integer from 0 to `max`. */
function isUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
