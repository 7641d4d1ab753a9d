import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  isErrno,
  Open,
  openInRoot,
  type OwnedFd,
  ownFd,
  procPath,
  readLinkAt,
  statFd,
  tryStatAt,
} from "../../linux/mod.ts";

/** What is copied, and to which path. */
export interface Wanted {
  readonly key: string;
  /** The destination, as the user wrote it. */
  readonly path: ByteString;
  /** The only name that was staged; absent: what is in the staged directory goes into one that must be there. */
  readonly name?: ByteString | undefined;
  /** Whether only what is in the directory `name` goes into a directory that is there. */
  readonly isContents?: boolean | undefined;
}

/** Where the files go. */
export interface Destination {
  /** Path of what is moved or merged, in the staged directory; empty for that directory itself. */
  readonly from: ByteString;
  /** Its path in the snapshot: without symbolic links and without a slash at its ends. */
  readonly path: ByteString;
  /** Whether only what is in a directory is copied: the one at `path`, if it is there, keeps its attributes. */
  readonly isContents: boolean;
}

/**
 * Finds the destination of a copy, by the rules of `docker cp`. Symbolic links are followed inside of the snapshot.
 *
 * @throws {VarveError} `E_NOT_FOUND` there is no such directory · `E_EXISTS` it is a file, or a symbolic link that leads
 * nowhere
 */
export function findDestination(merged: Fd, staged: Fd, wanted: Wanted): Destination {
  const { path, name } = wanted;
  const isContents = name === undefined || wanted.isContents === true;
  const from = name ?? "" as ByteString;
  const clean = path.replace(/\/+$/, "") as ByteString;
  const isDirectory = name === undefined || tryStatAt(staged, name)?.type === "directory";
  using found = tryOpenIn(merged, path === "" ? "/" as ByteString : path, wanted);
  if (found !== undefined) {
    const real = realPath(merged, found.fd, wanted.key);
    if (statFd(found.fd).type !== "directory") {
      if (!isDirectory) return { from, path: real, isContents };
      throw refused("E_EXISTS", wanted, "it is not a directory");
    }
    return { from, path: isContents ? real : join(real, from), isContents };
  }
  // As with docker, a directory gets the new name, also for what is in it. A tar, or a file, goes only into one that is
  // there.
  if (name === undefined || !isDirectory && path !== clean) {
    throw refused("E_NOT_FOUND", wanted, "there is no such directory");
  }
  const slash = clean.lastIndexOf("/");
  const last = clean.slice(slash + 1) as ByteString;
  using parent = tryOpenIn(merged, `${clean.slice(0, slash + 1)}.` as ByteString, wanted);
  if (parent === undefined || statFd(parent.fd).type !== "directory") {
    throw refused("E_NOT_FOUND", wanted, "there is no such directory");
  }
  if (last === "." || last === "..") throw refused("E_NOT_FOUND", wanted, "it is not there");
  if (tryStatAt(parent.fd, last) !== undefined) {
    using file = tryOpenIn(merged, clean, wanted);
    const reason = file === undefined
      ? "it is a symbolic link that leads nowhere"
      : "it is not a directory";
    throw refused("E_EXISTS", wanted, reason);
  }
  return { from, path: join(realPath(merged, parent.fd, wanted.key), last), isContents };
}

/** Opens a path with `O_PATH`; `undefined` when it does not exist. */
function tryOpenIn(root: Fd, path: ByteString, wanted: Wanted): OwnedFd | undefined {
  try {
    return ownFd(openInRoot(root, path, Open.PATH));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    if (isErrno(error, "ELOOP")) throw refused("E_LOOP", wanted, "its symbolic links have no end");
    if (isErrno(error, "ENAMETOOLONG")) throw refused("E_USAGE", wanted, "a name is too long");
    throw error;
  }
}

/** Path of a descriptor, relative to the root by which it was opened. */
function realPath(root: Fd, fd: Fd, key: string): ByteString {
  const [base, path] = [root, fd].map((each) => readLinkAt(CWD, procPath(each))) as [
    ByteString,
    ByteString,
  ];
  const prefix = base === "/" ? base : `${base}/`;
  if (path === base) return "" as ByteString;
  // Somebody moved one of them just now.
  if (!path.startsWith(prefix)) throw changedMeanwhile(key);
  return path.slice(prefix.length) as ByteString;
}

/** The error for files of a snapshot that somebody moves or replaces while they are copied to. */
export function changedMeanwhile(key: string): VarveError {
  return new VarveError(
    "E_BUSY",
    `Cannot copy to snapshot ${JSON.stringify(key)}: its files were moved or replaced meanwhile`,
    { subject: key, hint: "try again" },
  );
}

/** A path and a name in it. */
export function join(directory: ByteString, name: ByteString): ByteString {
  return (directory === "" ? name : `${directory}/${name}`) as ByteString;
}

function refused(
  code: "E_EXISTS" | "E_NOT_FOUND" | "E_LOOP" | "E_USAGE",
  { key, path }: Wanted,
  reason: string,
): VarveError {
  const subject = `${key}:${escapeForTerminal(path)}`;
  // Without it, a hint would be about directories of this machine.
  const hint = code === "E_NOT_FOUND" ? "make the directory in the snapshot first" : undefined;
  return new VarveError(code, `Cannot copy to ${subject}: ${reason}`, { subject, hint });
}
