/**
 * Numbers of the kernel's interface (include/uapi). The flags of `open` differ
 * between x86-64 and aarch64; everything newer than 2019 is the same on both.
 */
const ARM: boolean = Deno.build.arch === "aarch64";

/** Numbers of the system calls that are made by number. */
export const SYS = {
  getdents64: (ARM ? 61 : 217) as number,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  openat2: 437,
  mount_setattr: 442,
} as const;

/** Flags of `openAt` (`O_…`). */
export const Open = {
  READ: 0,
  WRITE: 0o1,
  READ_WRITE: 0o2,
  CREATE: 0o100,
  EXCLUSIVE: 0o200,
  TRUNCATE: 0o1000,
  NONBLOCK: 0o4000,
  DIRECTORY: (ARM ? 0o40000 : 0o200000) as number,
  NO_FOLLOW: (ARM ? 0o100000 : 0o400000) as number,
  CLOSE_ON_EXEC: 0o2000000,
  /** Names the inode without opening it: no permission on a file is needed and no device wakes up. */
  PATH: 0o10000000,
} as const;

/** Flags of the `…at` calls (`AT_…`). */
export const At = {
  SYMLINK_NO_FOLLOW: 0x100,
  REMOVE_DIRECTORY: 0x200,
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
} as const;

/** How `openAt2` resolves a path (`RESOLVE_…` of openat2(2)). */
export const Resolve = {
  /** Crossing a mount point is an error. */
  NO_XDEV: 0x01,
  /** The magic links of /proc are an error. */
  NO_MAGICLINKS: 0x02,
  /** Any symbolic link on the way is an error. */
  NO_SYMLINKS: 0x04,
  /** Leading out of the directory is an error. */
  BENEATH: 0x08,
  /** The directory is the root: absolute links and `..` stay inside. */
  IN_ROOT: 0x10,
} as const;
