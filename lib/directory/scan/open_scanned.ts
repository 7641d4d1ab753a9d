import type { ByteString } from "../../bytes/mod.ts";
import {
  CWD,
  type Fd,
  Open,
  openAt,
  openBeneath,
  type OwnedFd,
  ownFd,
  procPath,
  Resolve,
  type Stat,
  statFd,
} from "../../linux/mod.ts";
import { changed } from "./scan_failure.ts";

const RESOLVE = Resolve.BENEATH | Resolve.NO_SYMLINKS | Resolve.NO_XDEV;

/** Opens a directory of a scan for reading, never through a symbolic link or into another mount. */
export function openScanned(root: Fd, path: ByteString): OwnedFd {
  return ownFd(openBeneath(root, path === "" ? "." as ByteString : path, {
    flags: Open.READ | Open.DIRECTORY | Open.NO_FOLLOW,
    resolve: RESOLVE,
  }));
}

/** An open file, with its stat(2) from when it was opened. */
export interface OpenFile extends Disposable {
  readonly fd: Fd;
  readonly stat: Stat;
}

/**
 * Opens a regular file for reading. Another inode may have taken its name meanwhile, so the type is
 * checked before the file is opened: opening a device can have effects.
 *
 * @throws {VarveError} `E_BUSY` when it is not a regular file any more
 */
export function openScannedFile(root: Fd, path: ByteString): OpenFile {
  using named = ownFd(
    openBeneath(root, path, { flags: Open.PATH | Open.NO_FOLLOW, resolve: RESOLVE }),
  );
  if (statFd(named.fd).type !== "file") throw changed(path);
  const file = ownFd(openAt(CWD, procPath(named.fd), Open.READ));
  try {
    const stat = statFd(file.fd);
    return { fd: file.fd, stat, [Symbol.dispose]: () => file[Symbol.dispose]() };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** Path of a name in a directory. */
export function joinPath(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}` as ByteString;
}

/** The last name of a path. */
export function nameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1) as ByteString;
}
