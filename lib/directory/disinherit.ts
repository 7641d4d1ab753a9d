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

/** What a new inode inherits from its directory, and a directory hands down to all that is made in it. */
const ACLS = [
  "system.posix_acl_default",
  "system.posix_acl_access",
] as const satisfies readonly string[];

/** Takes the ACLs from a directory that it has from the one above it. */
export function removeInheritedAcls(directory: Fd): void {
  for (const name of ACLS) removeXattrFd(directory, name as string as ByteString);
}

/** Makes a new directory what it would be where nothing is inherited: ours, of a mode, without ACLs. */
export function disinherit(path: string, mode: number): void {
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  removeInheritedAcls(directory.fd);
  chownFd(directory.fd, effectiveUser(), effectiveGroup());
  chmodFd(directory.fd, mode);
}
