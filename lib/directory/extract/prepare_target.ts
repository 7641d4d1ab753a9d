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
 * Prepares the target for the time of the extraction: it belongs to this process and nobody else may enter it.
 * It has no ACL and no set-group-id bit, which everything made in it would inherit.
 */
export function prepareTarget(root: Fd, rootless: boolean): void {
  const { uid, gid, mode } = statFd(root);
  if (!rootless && (uid !== effectiveUser() || gid !== effectiveGroup())) {
    chownFd(root, effectiveUser(), effectiveGroup());
  }
  removeInheritedAcls(root);
  if (mode !== 0o700) chmodFd(root, 0o700);
}
