import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { CWD, readFileAt } from "../files/fd.ts";

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  /** Id of the mount; used again after an unmount. */
  readonly id: number;
  /** Id of the parent mount. */
  readonly parent: number;
  /** Device of its files, `major:minor`. */
  readonly device: string;
  /** The directory of the file system that is mounted. */
  readonly root: ByteString;
  /** Where it is mounted, seen from this process's root. */
  readonly mountPoint: ByteString;
  /** Options of the mount: `ro`, `nosuid`, … */
  readonly options: readonly ByteString[];
  /** Propagation: `shared:N`, `master:N`, … */
  readonly optional: readonly ByteString[];
  /** Type, such as `overlay`. */
  readonly type: ByteString;
  /** Source; `none` or anything else for file systems without a device. */
  readonly source: ByteString;
  /** Options of the file system, such as `lowerdir=…`. Commas inside values stand as they were given. */
  readonly superOptions: readonly ByteString[];
}

/** Undoes the kernel's escapes of space, tab, newline, backslash and `#`: `\040`. */
function unescape(field: string): ByteString {
  return field.replace(
    /\\([0-3][0-7]{2})/g,
    (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
  ) as ByteString;
}

/** Reads one line; `undefined` for an empty one. */
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
 * Reads the text of a mountinfo file. The order is the kernel's: a later entry
 * of the same mount point lies on top.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function parseMountInfo(text: ByteString): MountInfo[] {
  return text.split("\n").map(parseLine).filter((entry) => entry !== undefined);
}

/** The mounts that this process sees. */
export function readMountInfo(): MountInfo[] {
  return parseMountInfo(readFileAt(CWD, "/proc/self/mountinfo" as ByteString, 256 * 1024 * 1024));
}

/** The topmost mount at exactly this absolute path, or `undefined`. */
export function findMount(
  mounts: readonly MountInfo[],
  mountPoint: ByteString,
): MountInfo | undefined {
  return mounts.findLast((mount) => mount.mountPoint === mountPoint);
}
