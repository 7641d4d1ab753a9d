/**
 * Linux by system calls: names as bytes, work relative to descriptors, errors
 * that name the kernel's error. Everything is synchronous; nothing is opened by an import.
 *
 * @module
 */
export { isSupported } from "./symbols.ts";
export * from "./numbers.ts";
export { isErrno } from "./errno.ts";
export * from "./fd.ts";
export * from "./file_error.ts";
export * from "./open_beneath.ts";
export * from "./names.ts";
export * from "./attributes.ts";
export * from "./stat.ts";
export * from "./directory.ts";
export * from "./xattr.ts";
export * from "./data.ts";
export * from "./file_system.ts";
export * from "./process.ts";
export * from "./loop.ts";
export * from "./mountinfo.ts";
export * from "./mount_value.ts";
export * from "./mount.ts";
export * from "./remove_tree.ts";
export * from "./isal.ts";
