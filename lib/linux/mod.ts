/**
 * Linux by system calls: names as bytes, work relative to descriptors, errors
 * that name the kernel's error. Everything is synchronous; nothing is opened by an import.
 *
 * @module
 */
export { isSupported } from "./libc/libc.ts";
export * from "./libc/numbers.ts";
export { isErrno } from "./libc/errno.ts";
export * from "./files/fd.ts";
export * from "./files/file_error.ts";
export * from "./files/open_beneath.ts";
export * from "./files/names.ts";
export * from "./files/attributes.ts";
export * from "./files/stat.ts";
export * from "./files/directory.ts";
export * from "./files/xattr.ts";
export * from "./files/data.ts";
export * from "./files/file_system.ts";
export * from "./process.ts";
export * from "./sleep.ts";
export * from "./mount/loop.ts";
export * from "./mount/mountinfo.ts";
export * from "./mount/mount_value.ts";
export * from "./mount/perform_mount.ts";
export * from "./files/remove_tree.ts";
export * from "./isal/find_isal.ts";
