import {
  chmodFd,
  chownFd,
  effectiveGroup,
  effectiveUser,
  type Fd,
  statFd,
} from "../../linux/mod.ts";
import { removeInheritedAcls } from "../disinherit.ts";

/**
 * Prepares the target for the time of the extraction. It gets this process's user as its owner, and
 * no other user may enter it. It loses ACLs and the set-group-id bit, because new inodes in it
 * would inherit them.
 */
export function prepareTarget(root: Fd, rootless: boolean): void {
  const { uid, gid, mode } = statFd(root);
  if (!rootless && (uid !== effectiveUser() || gid !== effectiveGroup())) {
    chownFd(root, effectiveUser(), effectiveGroup());
  }
  removeInheritedAcls(root);
  if (mode !== 0o700) chmodFd(root, 0o700);
}
