/**
 * Whether this is 64-bit ARM. Some older numbers of the kernel's interface (include/uapi) differ
 * between architectures.
 */
const ARM: boolean = Deno.build.arch === "aarch64";

/**
 * System calls that varve makes by number. Numbers from 424 on are the same on all architectures.
 */
export const SYS = {
  getdents64: (ARM ? 61 : 217) as number,
  ustat: (ARM ? undefined : 136) as number | undefined,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  openat2: 437,
  mount_setattr: 442,
} as const;

/** Flags of {@linkcode openAt} (`O_…` of open(2)). */
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
  /**
   * Returns a descriptor without opening the file. It needs no permission on the file, and wakes no
   * device.
   */
  PATH: 0o10000000,
  /** Makes a file without a name in a directory. It ends with its descriptor. */
  TEMPORARY: (ARM ? 0o20040000 : 0o20200000) as number,
} as const;

/** Flags of the `…at` system calls (`AT_…`). */
export const At = {
  SYMLINK_NO_FOLLOW: 0x100,
  REMOVE_DIRECTORY: 0x200,
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
} as const;

/** How {@linkcode openBeneath} resolves a path (`RESOLVE_…` of openat2(2)). */
export const Resolve = {
  /** Fails at a mount point. */
  NO_XDEV: 0x01,
  /** Fails at a magic link of /proc. */
  NO_MAGICLINKS: 0x02,
  /** Fails at any symbolic link. */
  NO_SYMLINKS: 0x04,
  /** Fails when the path leads outside the directory. */
  BENEATH: 0x08,
  /** Takes the directory as the root, so absolute links and `..` stay inside. */
  IN_ROOT: 0x10,
} as const;
