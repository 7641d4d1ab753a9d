/**
 * Linux through system calls, by FFI into libc. Deno's own file API is not enough: it turns names that
 * are not UTF-8 into U+FFFD, and it has neither mounts nor extended attributes.
 *
 * - A file is reached by a *directory descriptor* ({@linkcode Fd}) and a name in that directory, as in
 *   the `…at` system calls. So no rename of a parent can redirect the work to another place.
 *   {@linkcode openRoot} opens the first directory; {@linkcode OwnedFd} closes a descriptor by `using`.
 * - Functions on a name end in `At`, and do not follow a symbolic link in the last component. Functions
 *   on an open file end in `Fd`. Paths of more than one component go through {@linkcode openBeneath} or
 *   {@linkcode openInRoot}, which never lead outside.
 * - Names, link targets and values of extended attributes are byte strings.
 * - A failed call throws `E_SYSCALL`. The kernel's error is in `details.errno`, and
 *   {@linkcode isErrno} tests it.
 * - A {@linkcode Mount} is a value. {@linkcode overlayMount} and {@linkcode bindMount} describe a
 *   mount, {@linkcode performMount} and {@linkcode performUnmount} mount and unmount,
 *   {@linkcode readMountInfo} lists the mounts.
 *
 * The folders: `libc/` holds the calls, their numbers and their errors; `files/`, `mount/` and
 * `isal/` (a fast gzip decoder, behind `internal.ts`) use them. System calls are synchronous, because
 * an asynchronous call loses its errno. A slow call, such as a sync, blocks its thread: make it in a
 * worker. An import opens no library.
 *
 * @module
 */
export * from "./files/attributes.ts";
export * from "./files/data.ts";
export * from "./files/directory.ts";
export * from "./files/fd.ts";
export * from "./files/file_error.ts";
export * from "./files/file_system.ts";
export * from "./files/kernel_file.ts";
export * from "./files/lock_holder.ts";
export * from "./files/names.ts";
export * from "./files/open_beneath.ts";
export * from "./files/permissions.ts";
export * from "./files/read_write.ts";
export * from "./files/record_lock.ts";
export * from "./files/remove_tree.ts";
export * from "./files/stat.ts";
export * from "./files/xattr.ts";
export { isErrno } from "./libc/errno.ts";
export { isPermitted, isSupported, openLazily } from "./libc/libc.ts";
export { At, Open, Resolve } from "./libc/numbers.ts";
export * from "./mount/loop.ts";
export * from "./mount/mount_value.ts";
export { hasFileSystem, isMountUsed } from "./mount/mount_users.ts";
export * from "./mount/mountinfo.ts";
export * from "./mount/perform_mount.ts";
export * from "./mount/perform_unmount.ts";
export * from "./process.ts";
export * from "./sleep.ts";
