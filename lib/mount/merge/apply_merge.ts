import type { ByteString } from "../../bytes/mod.ts";
import { copyAttributesFd } from "../../directory/internal.ts";
import { type Fd, renameAt, setXattrFd, tryStatAt } from "../../linux/mod.ts";
import { lastOf, type MergePlan, type MergeStep, openIn, parentOf } from "./plan_merge.ts";

/** Hides what the lowers of an overlay have in a directory (Documentation/filesystems/overlayfs.rst). */
const OPAQUE = "trusted.overlay.opaque" as ByteString;

/**
 * Moves staged files into a snapshot. Each move is one rename.
 *
 * @param upper the directory of the snapshot, which is not mounted; or its mount
 * @param isMounted whether `upper` is its mount, where whiteouts are the work of overlayfs
 * @param implied the staged directories that give no attributes to one that is there
 */
export function applyMerge(
  upper: Fd,
  staged: Fd,
  { steps, from, isContents }: MergePlan,
  implied: ReadonlySet<ByteString>,
  isMounted = false,
): void {
  for (const step of steps) if (!step.isMerged) move(upper, staged, step, isMounted);
  // Now that no more names come, from the deepest to the highest. The directory that was named keeps its own.
  for (const step of steps.toReversed()) {
    const isNamed = isContents && step.from === from;
    if (!step.isMerged || isNamed || implied.has(step.from)) continue;
    using source = openIn(staged, step.from);
    using target = openIn(upper, step.to);
    copyAttributesFd(source.fd, target.fd);
  }
}

function move(upper: Fd, staged: Fd, { from, to }: MergeStep, isMounted: boolean): void {
  using source = openIn(staged, parentOf(from));
  using target = openIn(upper, parentOf(to));
  const name = lastOf(from), newName = lastOf(to);
  const isDirectory = !isMounted && tryStatAt(source.fd, name)?.type === "directory";
  if (!isDirectory || tryStatAt(target.fd, newName) === undefined) {
    return renameAt(source.fd, name, target.fd, newName);
  }
  // A whiteout of overlayfs: the lowers have something of this name, which the directory must hide, too.
  {
    using directory = openIn(source.fd, name);
    setXattrFd(directory.fd, OPAQUE, "y" as ByteString);
  }
  renameAt(source.fd, name, target.fd, newName, "exchange");
}
