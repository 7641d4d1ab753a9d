import { type ByteString, fromBytes, toBytes } from "../../bytes/mod.ts";
import { cString, cString2 } from "../libc/c_string.ts";
import { attempt, check, systemError } from "../libc/errno.ts";
import { type Fd, procPath } from "./fd.ts";
import { libc } from "../libc/libc.ts";

const ERANGE = 34, ENODATA = 61, ENOTSUP = 95;

/** The most a list or a value can be (XATTR_LIST_MAX, XATTR_SIZE_MAX of linux/limits.h). */
const MAX = 65536;

/** Sets an extended attribute of an open file (not of an `O_PATH` descriptor). */
export function setXattrFd(fd: Fd, xattr: ByteString, value: ByteString): void {
  const bytes = toBytes(value);
  check(() => libc().fsetxattr(fd, cString(xattr), bytes, bytes.length, 0), "fsetxattr", xattr);
}

/**
 * Sets an extended attribute of a name, of a symbolic link itself. The
 * directory is reached through /proc/self/fd, since `setxattrat` is only in 6.13.
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

/** Reads into a buffer that grows up to the kernel's limit; `undefined` when there is nothing to read. */
function readGrowing(call: string, subject: ByteString | "", read: Reader): ByteString | undefined {
  for (let room = 1024;; room = MAX) {
    const target = new Uint8Array(room);
    const length = attempt(() => read(target, room));
    if (length >= 0) return fromBytes(target, 0, length);
    const number = -length;
    if (number === ERANGE && room < MAX) continue;
    if (number === ENODATA || number === ENOTSUP) return undefined;
    throw systemError(call, subject, number);
  }
}

/** Reads an extended attribute of an open file; `undefined` when it has none of that name. */
export function getXattrFd(fd: Fd, xattr: ByteString): ByteString | undefined {
  return readGrowing(
    "fgetxattr",
    xattr,
    (target, room) => libc().fgetxattr(fd, cString(xattr), target, room),
  );
}

/** Reads an extended attribute of a name, of a symbolic link itself. */
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

function split(list: ByteString | undefined): ByteString[] {
  if (list === undefined || list === "") return [];
  return list.slice(0, -1).split("\0") as ByteString[];
}

/** The names of the extended attributes of an open file, in the kernel's order; none where it has no support. */
export function listXattrFd(fd: Fd): ByteString[] {
  return split(
    readGrowing("flistxattr", "", (target, room) => libc().flistxattr(fd, target, room)),
  );
}

/** The names of the extended attributes of a name, of a symbolic link itself. */
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

/** Removes an extended attribute of an open file; one that is absent is no error. */
export function removeXattrFd(fd: Fd, xattr: ByteString): void {
  const number = -attempt(() => libc().fremovexattr(fd, cString(xattr)));
  if (number !== 0 && number !== ENODATA && number !== ENOTSUP) {
    throw systemError("fremovexattr", xattr, number);
  }
}
