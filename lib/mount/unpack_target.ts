import { type ByteString, fromText, toBytes } from "../bytes/mod.ts";
import { sha256 } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  isErrno,
  mkdirAt,
  Open,
  openAt,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  readDirectory,
  removeTree,
  sameInode,
  statFd,
  tryStatAt,
} from "../linux/mod.ts";

/** Where an unpack makes its directory: the parent, and the name in it. */
export interface UnpackTarget extends Disposable {
  /** Its parent directory. */
  readonly parent: Fd;
  /** Its name in the parent directory. */
  readonly name: ByteString;
  /** Its path as the caller wrote it, for messages. */
  readonly shown: string;
}

/**
 * Opens the parent of a target. The target itself must not exist, or must be an empty directory.
 *
 * @throws {VarveError} `E_USAGE` the path does not name a new directory · `E_NOT_FOUND` the parent does not exist ·
 * `E_EXISTS` the target is something else
 */
export function openUnpackTarget(path: string): UnpackTarget {
  const clean = path.replace(/\/+$/, "");
  const slash = clean.lastIndexOf("/");
  const name = clean.slice(slash + 1);
  if (name === "" || name === "." || name === ".." || name.includes("\0")) {
    throw new VarveError(
      "E_USAGE",
      `Cannot unpack to ${JSON.stringify(path)}: give the name of a new directory`,
    );
  }
  using parent = openParent(slash < 0 ? "." : slash === 0 ? "/" : clean.slice(0, slash));
  refuseFull(parent.fd, fromText(name), path);
  const fd = ownFd(parent.release());
  return {
    get parent(): Fd {
      return fd.fd;
    },
    name: fromText(name),
    shown: path,
    [Symbol.dispose]: () => fd[Symbol.dispose](),
  };
}

function openParent(path: string): OwnedFd {
  try {
    return ownFd(openAt(CWD, fromText(path), Open.READ | Open.DIRECTORY));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    throw new VarveError("E_NOT_FOUND", `Cannot unpack into ${path}: there is no such directory`, {
      subject: path,
    });
  }
}

function refuseFull(parent: Fd, name: ByteString, shown: string): void {
  const stat = tryStatAt(parent, name);
  if (stat === undefined) return;
  if (stat.type === "directory") {
    using directory = ownFd(openDirectoryAt(parent, name));
    if (readDirectory(directory.fd).next().done === true) return;
  }
  // An unpack that was killed just after its rename has left an empty directory. The same command ends here.
  removeLeft(parent, name);
  const state = stat.type === "symlink" ? "it is a symbolic link" : "it is not an empty directory";
  throw new VarveError("E_EXISTS", `Cannot unpack to ${shown}: ${state}`, {
    subject: shown,
    hint: "choose a directory that does not exist",
  });
}

/** Maximum number of attempts to make a directory. Other processes may make and remove the same directory meanwhile. */
const TRIES = 64;

/** The directory that is filled. It is locked. A directory that an interrupted unpack left is not locked. */
export interface PartialDirectory extends Disposable {
  /** The directory, open. */
  readonly fd: Fd;
  /** Its name in the target's parent directory. */
  readonly name: ByteString;
}

/**
 * Makes the directory that is filled, beside the target. If an interrupted unpack left such a directory, removes it
 * first.
 *
 * @throws {VarveError} `E_BUSY` another process unpacks to this target
 */
export function beginPartial({ parent, name, shown }: UnpackTarget): PartialDirectory {
  const partial = partialName(name);
  for (let tries = 0; tries < TRIES; tries++) {
    const made = tryMake(parent, partial);
    using stack = new DisposableStack();
    const directory = tryOpen(parent, partial);
    if (directory === undefined) continue;
    stack.use(directory);
    if (!directory.lock("exclusive")) break;
    if (!hasName(directory, parent, partial)) continue;
    // A leftover directory may contain anything and have any owner, so it is removed and not used again.
    if (made) {
      const owned = stack.move();
      return {
        get fd(): Fd {
          return directory.fd;
        },
        name: partial,
        [Symbol.dispose]: () => owned.dispose(),
      };
    }
    removeTree(parent, partial);
  }
  throw new VarveError("E_BUSY", `Cannot unpack to ${shown}: another process unpacks there`, {
    subject: shown,
  });
}

/** Removes what an interrupted unpack left. If that fails, the next unpack tries it again. */
function removeLeft(parent: Fd, name: ByteString): void {
  const partial = partialName(name);
  try {
    using directory = tryOpen(parent, partial);
    if (directory?.lock("exclusive") !== true || !hasName(directory, parent, partial)) return;
    removeTree(parent, partial);
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
  }
}

/** Name of the directory that is filled. Its length is fixed: the target's own name may be as long as a name can be. */
function partialName(name: ByteString): ByteString {
  return fromText(`.varve-unpack-${sha256(toBytes(name)).slice(7, 23)}`);
}

/** Whether a directory still has a name. Another process may have removed or replaced it between open and lock. */
function hasName(directory: OwnedFd, parent: Fd, name: ByteString): boolean {
  const named = tryStatAt(parent, name);
  return named !== undefined && sameInode(statFd(directory.fd), named);
}

function tryMake(parent: Fd, name: ByteString): boolean {
  try {
    mkdirAt(parent, name, 0o700);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** Opens a directory. Removes anything else that has this name. */
function tryOpen(parent: Fd, name: ByteString): OwnedFd | undefined {
  try {
    return ownFd(openDirectoryAt(parent, name));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (!isErrno(error, "ENOTDIR", "ELOOP")) throw error;
    removeTree(parent, name);
    return undefined;
  }
}
