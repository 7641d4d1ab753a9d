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
 * Takes the target over for the time of the extraction: ours, closed to others,
 * without an ACL or a set-group-id bit that everything made in it would inherit.
 */
export function prepareTarget(root: Fd, rootless: boolean): void {
  const { uid, gid, mode } = statFd(root);
  if (!rootless && (uid !== effectiveUser() || gid !== effectiveGroup())) {
    chownFd(root, effectiveUser(), effectiveGroup());
  }
  removeInheritedAcls(root);
  if (mode !== 0o700) chmodFd(root, 0o700);
}
