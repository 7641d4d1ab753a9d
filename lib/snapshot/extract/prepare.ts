import type { ByteString } from "../../bytes/mod.ts";
import {
  chmodFd,
  chownFd,
  effectiveGroup,
  effectiveUser,
  type Fd,
  removeXattrFd,
  statFd,
} from "../../linux/mod.ts";

/** What a new inode would inherit from its directory. */
const INHERITED = [
  "system.posix_acl_default",
  "system.posix_acl_access",
] as const satisfies readonly string[];

/**
 * Takes the target over for the time of the extraction: ours, closed to others,
 * without an ACL or a set-group-id bit that everything made in it would inherit.
 */
export function prepareRoot(root: Fd, rootless: boolean): void {
  const { uid, gid, mode } = statFd(root);
  if (!rootless && (uid !== effectiveUser() || gid !== effectiveGroup())) {
    chownFd(root, effectiveUser(), effectiveGroup());
  }
  for (const name of INHERITED) removeXattrFd(root, name as string as ByteString);
  if (mode !== 0o700) chmodFd(root, 0o700);
}
