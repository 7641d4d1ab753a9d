import type { ByteString } from "../bytes/mod.ts";
import {
  chmodFd,
  chownFd,
  CWD,
  type Fd,
  getXattrFd,
  listXattrFd,
  Open,
  openAt,
  ownFd,
  setXattrFd,
  statFd,
  utimensFd,
} from "../linux/mod.ts";

const DIRECTORY = Open.READ | Open.DIRECTORY | Open.NO_FOLLOW;

/** Owner of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Gives a directory the mode, owner, mtime and xattrs of another, but not the xattrs of overlayfs itself. */
export function copyAttributes(from: ByteString, to: ByteString): void {
  using source = ownFd(openAt(CWD, from, DIRECTORY));
  using target = ownFd(openAt(CWD, to, DIRECTORY));
  copyAttributesFd(source.fd, target.fd);
}

/**
 * Gives an open file or directory the mode, owner, mtime and xattrs of another, but not the xattrs
 * of overlayfs itself unless `keepsOverlays` is set.
 *
 * @param owner the owner, in place of that of the source
 */
export function copyAttributesFd(
  source: Fd,
  target: Fd,
  keepsOverlays = false,
  owner?: Owner,
): void {
  const { mode, mtime, ...own } = statFd(source);
  const { uid, gid } = owner ?? own;
  // Set the owner first, because that clears the set-id bits and capabilities.
  chownFd(target, uid, gid);
  for (const name of listXattrFd(source)) {
    const value = isOverlays(name) && !keepsOverlays ? undefined : getXattrFd(source, name);
    if (value !== undefined) setXattrFd(target, name, value);
  }
  chmodFd(target, mode);
  utimensFd(target, mtime);
}

/** Whether overlayfs uses an extended attribute of this name for itself. */
export function isOverlays(name: ByteString): boolean {
  return name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");
}
