import type { ByteString } from "../../bytes/mod.ts";
import { type Mount, splitOverlayPaths } from "./mount_value.ts";

/** One parameter for fsconfig(2); without a value it is a flag. */
export interface MountParameter {
  /** Key, such as `lowerdir+`. */
  readonly key: string;
  /** Value; absent for a flag. */
  readonly value?: ByteString | undefined;
  /** The value is a path: one that is too long for a string goes as a descriptor. */
  readonly path?: boolean | undefined;
}

/** A mount's options, told apart. */
export interface MountPlan {
  /** Bits of mount(2) (`MS_…`). */
  readonly flags: number;
  /** Bits of mount_setattr(2) and fsmount(2) (`MOUNT_ATTR_…`). */
  readonly attributes: number;
  /** A bind of everything below, too. */
  readonly recursive: boolean;
  /** What the file system itself is told, piece by piece. */
  readonly parameters: readonly MountParameter[];
  /** The same as one string for mount(2). */
  readonly data: ByteString;
}

/** `[MS_…, MOUNT_ATTR_…]` of the options that are not the file system's. */
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

/** Options that are the default or say only what the type says. */
const SILENT: readonly string[] = ["rw", "bind", "suid", "dev", "exec", "defaults"];

const PATH_KEYS: readonly string[] = ["upperdir", "workdir", "source", "device"];

/** Tells a mount's options apart. Pure. */
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
    } else if (!SILENT.includes(option)) {
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
  // An upper or work directory is not split: a colon in it stands for itself.
  return [{ key, value: value.replace(/\\(.)/gs, "$1") as ByteString, path: true }];
}

/** `a:b::c` are the lowers a and b and the data-only lower c. */
function lowers(value: ByteString): MountParameter[] {
  let key = "lowerdir+";
  const out: MountParameter[] = [];
  for (const path of splitOverlayPaths(value)) {
    if (path === "") key = "datadir+";
    else out.push({ key, value: path, path: true });
  }
  return out;
}
