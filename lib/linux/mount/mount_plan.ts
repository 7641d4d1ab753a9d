import type { ByteString } from "../../bytes/mod.ts";
import { type Mount, splitOverlayPaths } from "./mount_value.ts";

/** One parameter for fsconfig(2). Without a value it is a flag. */
export interface MountParameter {
  /** Name of the parameter, such as `lowerdir+`. */
  readonly key: string;
  /** Value of the parameter; absent for a flag. */
  readonly value?: ByteString | undefined;
  /** Whether the value is a path. A path that is too long for a string is passed as a descriptor. */
  readonly path?: boolean | undefined;
}

/** The options of a mount, sorted by the system call that takes them. */
export interface MountPlan {
  /** Flags of mount(2) (`MS_…`). */
  readonly flags: number;
  /** The same flags for mount_setattr(2) and fsmount(2) (`MOUNT_ATTR_…`). */
  readonly attributes: number;
  /** Whether a bind includes the mounts below the directory. */
  readonly recursive: boolean;
  /** Options of the file system itself, one by one for fsconfig(2). */
  readonly parameters: readonly MountParameter[];
  /** The same options as one string for mount(2). */
  readonly data: ByteString;
}

/** Options of the mount, not of the file system, as `[MS_…, MOUNT_ATTR_…]`. */
const FLAGS: Readonly<Record<string, readonly [flag: number, attribute: number]>> = {
  ro: [1, 1],
  nosuid: [2, 2],
  nodev: [4, 4],
  noexec: [8, 8],
  noatime: [1 << 10, 0x10],
  nodiratime: [1 << 11, 0x80],
  strictatime: [1 << 24, 0x20],
  relatime: [1 << 21, 0],
};

/** Options without effect, because they are the default or repeat the type. */
const IGNORED: readonly string[] = ["rw", "bind", "suid", "dev", "exec", "defaults"];

/** Parameters whose values are paths. */
const PATH_KEYS: readonly string[] = ["upperdir", "workdir", "source", "device"];

/** Sorts the options of a mount. Makes no system call. */
export function planMount(mount: Mount): MountPlan {
  let flags = 0, attributes = 0, recursive = false;
  const parameters: MountParameter[] = [];
  const data: string[] = [];
  for (const option of mount.options) {
    const known = FLAGS[option];
    if (known !== undefined) {
      flags |= known[0];
      attributes |= known[1];
    } else if (option === "rbind") {
      recursive = true;
    } else if (!IGNORED.includes(option)) {
      data.push(option);
      parameters.push(...parametersOf(mount.type, option));
    }
  }
  return { flags, attributes, recursive, parameters, data: data.join(",") as ByteString };
}

function parametersOf(type: string, option: string): MountParameter[] {
  const equals = option.indexOf("=");
  if (equals < 0) return [{ key: option }];
  const key = option.slice(0, equals);
  const value = option.slice(equals + 1) as ByteString;
  if (type !== "overlay") return [{ key, value, path: PATH_KEYS.includes(key) }];
  if (key === "lowerdir") return lowers(value);
  if (!PATH_KEYS.includes(key)) return [{ key, value }];
  // An upper or work directory is one path, in which a colon is an ordinary character.
  return [{ key, value: value.replace(/\\(.)/gs, "$1") as ByteString, path: true }];
}

/** The parameters of `lowerdir=a:b::c`: the lowers a and b, and the data-only lower c. */
function lowers(value: ByteString): MountParameter[] {
  let key = "lowerdir+";
  const out: MountParameter[] = [];
  for (const path of splitOverlayPaths(value)) {
    if (path === "") key = "datadir+";
    else out.push({ key, value: path, path: true });
  }
  return out;
}
