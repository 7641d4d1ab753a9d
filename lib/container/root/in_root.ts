import { type ByteString, escapeForTerminal, fromBytes } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  isErrno,
  Open,
  openAt,
  openBeneath,
  openInRoot,
  type OwnedFd,
  ownFd,
  procPath,
  readFully,
  readLinkAt,
  Resolve,
  type Stat,
  statFd,
} from "../../linux/mod.ts";
import type { Found, Look } from "./resolve.ts";

/** Largest size in bytes of `/etc/passwd` and `/etc/group` of an image. */
export const MAX_FILE_BYTES: number = 4 * 1024 * 1024;

/**
 * Makes a function that looks at paths below an open root. A link as the last name is reported, not
 * followed.
 *
 * @param root open at least with `O_PATH`
 */
export function lookIn(root: Fd): Look {
  return (path) => {
    using entry = openEntry(root, path);
    return entry === undefined ? undefined : foundOf(entry.fd, statFd(entry.fd));
  };
}

/**
 * Opens a path with `O_PATH`. If the last name is a link, the link itself is opened. `undefined` when nothing exists at
 * the path.
 */
function openEntry(root: Fd, path: ByteString): OwnedFd | undefined {
  try {
    return ownFd(openBeneath(root, (path.slice(1) || ".") as ByteString, {
      flags: Open.PATH | Open.NO_FOLLOW,
      // Not NO_SYMLINKS: the last name may be a link, which is opened, not followed.
      resolve: Resolve.BENEATH | Resolve.NO_MAGICLINKS,
    }));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

function foundOf(fd: Fd, stat: Stat): Found {
  switch (stat.type) {
    case "symlink":
      return { type: "symlink", target: readLinkAt(fd, "" as ByteString) };
    case "directory":
    case "file":
      return { type: stat.type };
    default:
      return { type: "other" };
  }
}

/**
 * Reads a small file of an image. Links are followed inside the root only. The file is opened for
 * reading only after it has proved to be a regular file: opening a FIFO would wait, and opening a
 * device may have an effect.
 *
 * @returns `undefined` when there is no such file
 * @throws {VarveError} `E_TYPE` the file is not a regular file · `E_LIMIT` the file is larger than `limit` bytes ·
 * `E_LOOP`
 */
export function readInRoot(
  root: Fd,
  path: ByteString,
  limit: number = MAX_FILE_BYTES,
): ByteString | undefined {
  using entry = openFollowing(root, path);
  if (entry === undefined) return undefined;
  const { type, size } = statFd(entry.fd);
  const subject = escapeForTerminal(path);
  if (type !== "file") {
    throw new VarveError("E_TYPE", `Cannot read ${subject} of the image: it is a ${type}`, {
      subject,
    });
  }
  if (size > limit) {
    throw new VarveError(
      "E_LIMIT",
      `Cannot read ${subject} of the image: it has ${size} bytes, more than ${limit}`,
      { subject, actual: size, expected: limit },
    );
  }
  using file = ownFd(openAt(CWD, procPath(entry.fd), Open.READ | Open.NONBLOCK));
  const bytes = new Uint8Array(size);
  const length = readFully(file.fd, bytes, 0);
  return fromBytes(bytes, 0, length);
}

function openFollowing(root: Fd, path: ByteString): OwnedFd | undefined {
  try {
    return ownFd(openInRoot(root, path, Open.PATH));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    if (!isErrno(error, "ELOOP")) throw error;
    const subject = escapeForTerminal(path);
    throw new VarveError("E_LOOP", `Cannot read ${subject} of the image: it is a loop of links`, {
      subject,
    });
  }
}
