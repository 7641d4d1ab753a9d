import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  chmodFd,
  chownFd,
  CWD,
  effectiveGroup,
  effectiveUser,
  type Fd,
  openDirectoryAt,
  ownFd,
  removeXattrFd,
} from "../linux/mod.ts";

/**
 * The ACLs that a new inode inherits from its directory. A new directory passes them on to inodes
 * that are made in it.
 */
const ACLS = [
  "system.posix_acl_default",
  "system.posix_acl_access",
] as const satisfies readonly string[];

/** Removes the ACLs that a directory inherited from its parent. */
export function removeInheritedAcls(directory: Fd): void {
  for (const name of ACLS) removeXattrFd(directory, name as string as ByteString);
}

/**
 * Undoes what a new directory inherited from its parent: gives it to the user and group of this
 * process, removes the ACLs, and sets the mode to `mode`.
 */
export function disinherit(path: string, mode: number): void {
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  removeInheritedAcls(directory.fd);
  chownFd(directory.fd, effectiveUser(), effectiveGroup());
  chmodFd(directory.fd, mode);
}
