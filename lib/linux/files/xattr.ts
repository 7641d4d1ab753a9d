import { type ByteString, fromBytes, toBytes } from "../../bytes/mod.ts";
import { cString, cString2 } from "../libc/c_string.ts";
import { attempt, check } from "../libc/call.ts";
import { Errno, systemError } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { type Fd, procPath } from "./fd.ts";

/** Maximum size of a list or a value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX` of linux/limits.h). */
const MAX = 65536;

/**
 * Sets an extended attribute of an open file (fsetxattr(2)). The call fails for an `O_PATH`
 * descriptor.
 */
export function setXattrFd(fd: Fd, xattr: ByteString, value: ByteString): void {
  const bytes = toBytes(value);
  check(() => libc().fsetxattr(fd, cString(xattr), bytes, bytes.length, 0), "fsetxattr", xattr);
}

/**
 * Sets an extended attribute of a name (lsetxattr(2)). A symbolic link is not followed.
 *
 * It reaches the directory through /proc/self/fd, because `setxattrat` came only with Linux 6.13.
 */
export function setXattrAt(
  directory: Fd,
  name: ByteString,
  xattr: ByteString,
  value: ByteString,
): void {
  const bytes = toBytes(value);
  const path = cString2(procPath(directory, name));
  check(() => libc().lsetxattr(path, cString(xattr), bytes, bytes.length, 0), "lsetxattr", xattr);
}

type Reader = (target: Uint8Array<ArrayBuffer>, room: number) => number;

/**
 * Reads into a buffer that grows up to the kernel's limit.
 *
 * @returns `undefined` when there is no such attribute, or the file system has no attributes
 */
function readGrowing(call: string, subject: ByteString | "", read: Reader): ByteString | undefined {
  for (let room = 1024;; room = MAX) {
    const target = new Uint8Array(room);
    const length = attempt(() => read(target, room));
    if (length >= 0) return fromBytes(target, 0, length);
    const number = -length;
    if (number === Errno.ERANGE && room < MAX) continue;
    if (number === Errno.ENODATA || number === Errno.ENOTSUP) return undefined;
    throw systemError(call, subject, number);
  }
}

/** Reads an extended attribute of an open file (fgetxattr(2)); `undefined` when it does not exist. */
export function getXattrFd(fd: Fd, xattr: ByteString): ByteString | undefined {
  return readGrowing(
    "fgetxattr",
    xattr,
    (target, room) => libc().fgetxattr(fd, cString(xattr), target, room),
  );
}

/**
 * Reads an extended attribute of a name (lgetxattr(2)); `undefined` when it does not exist. A
 * symbolic link is not followed.
 */
export function getXattrAt(
  directory: Fd,
  name: ByteString,
  xattr: ByteString,
): ByteString | undefined {
  const path = procPath(directory, name);
  return readGrowing(
    "lgetxattr",
    xattr,
    (target, room) => libc().lgetxattr(cString2(path), cString(xattr), target, room),
  );
}

/** Splits a list of names, each of which ends with a NUL. */
function split(list: ByteString | undefined): ByteString[] {
  if (list === undefined || list === "") return [];
  return list.slice(0, -1).split("\0") as ByteString[];
}

/**
 * The names of the extended attributes of an open file (flistxattr(2)). Returns no names if the
 * file system has no attributes.
 */
export function listXattrFd(fd: Fd): ByteString[] {
  return split(
    readGrowing("flistxattr", "", (target, room) => libc().flistxattr(fd, target, room)),
  );
}

/** The names of the extended attributes of a name (llistxattr(2)). A symbolic link is not followed. */
export function listXattrAt(directory: Fd, name: ByteString): ByteString[] {
  const path = procPath(directory, name);
  return split(
    readGrowing(
      "llistxattr",
      name,
      (target, room) => libc().llistxattr(cString2(path), target, room),
    ),
  );
}

/** Removes an extended attribute of an open file (fremovexattr(2)). Idempotent. */
export function removeXattrFd(fd: Fd, xattr: ByteString): void {
  const number = -attempt(() => libc().fremovexattr(fd, cString(xattr)));
  if (number !== 0 && number !== Errno.ENODATA && number !== Errno.ENOTSUP) {
    throw systemError("fremovexattr", xattr, number);
  }
}
