import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { CWD } from "../files/fd.ts";
import { readFileAt } from "../files/read_write.ts";

/** One mount: a line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  /** Id of the mount. The kernel reuses it after an unmount. */
  readonly id: number;
  /** Id of the parent mount. */
  readonly parent: number;
  /** Device number of its files, as `major:minor`. */
  readonly device: string;
  /** Directory of the file system that is the root of the mount. */
  readonly root: ByteString;
  /** Path of the mount point, seen from the root of this process. */
  readonly mountPoint: ByteString;
  /** Options of the mount, such as `ro` or `nosuid`. */
  readonly options: readonly ByteString[];
  /** Propagation, such as `shared:N` or `master:N`. */
  readonly optional: readonly ByteString[];
  /** Type of the file system, such as `overlay`. */
  readonly type: ByteString;
  /**
   * Source of the mount. For a file system without a device it is an arbitrary text, such as
   * `none`.
   */
  readonly source: ByteString;
  /** Options of the file system, such as `lowerdir=…`. Commas in values are still escaped. */
  readonly superOptions: readonly ByteString[];
}

/** Decodes the kernel's octal escapes, such as `\040` for a space. */
function unescape(field: string): ByteString {
  return field.replace(
    /\\([0-3][0-7]{2})/g,
    (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
  ) as ByteString;
}

/** Parses one line; `undefined` when it is empty. @throws {VarveError} `E_FORMAT` */
function parseLine(line: string): MountInfo | undefined {
  if (line === "") return undefined;
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  const [id, parent, device, root, mountPoint, options] = fields;
  if (
    dash < 0 || fields.length < dash + 3 || root === undefined || mountPoint === undefined ||
    options === undefined || !/^\d+$/.test(id ?? "") || !/^\d+$/.test(parent ?? "")
  ) {
    throw new VarveError("E_FORMAT", "Cannot read mountinfo: a line is malformed", {
      actual: line.slice(0, 200),
    });
  }
  return {
    id: Number(id),
    parent: Number(parent),
    device: device as string,
    root: unescape(root),
    mountPoint: unescape(mountPoint),
    options: options.split(",") as ByteString[],
    optional: fields.slice(6, dash) as ByteString[],
    type: unescape(fields[dash + 1] as string),
    source: unescape(fields[dash + 2] as string),
    superOptions: (fields[dash + 3] ?? "").split(",").filter((option) => option !== "")
      .map(unescape),
  };
}

/**
 * Parses the text of a mountinfo file. Keeps the kernel's order: of two mounts at the same mount
 * point, the later mount is on top.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function parseMountInfo(text: ByteString): MountInfo[] {
  return text.split("\n").map(parseLine).filter((entry) => entry !== undefined);
}

/**
 * Reads the mounts that a process sees: this one, or that with a process id.
 *
 * @throws {VarveError} `E_SYSCALL`, `E_FORMAT`
 */
export function readMountInfo(process: number | "self" = "self"): MountInfo[] {
  const path = `/proc/${process}/mountinfo` as ByteString;
  return parseMountInfo(readFileAt(CWD, path, 256 * 1024 * 1024));
}

/** The topmost mount at an absolute path; `undefined` when nothing is mounted at that path itself. */
export function findMount(
  mounts: readonly MountInfo[],
  mountPoint: ByteString,
): MountInfo | undefined {
  return mounts.findLast((mount) => mount.mountPoint === mountPoint);
}
