import { type ByteString, fromText } from "../../bytes/mod.ts";
import { type DirectoryNode, rootOf, type Tree, walk, type Xattr } from "../../tree/mod.ts";
import type { ExtractPolicy } from "./contract.ts";

/** Has overlayfs hide what lower directories have in this one. */
const OPAQUE: Xattr = { name: fromText("trusted.overlay.opaque"), value: fromText("y") };

/**
 * Has overlayfs look for whiteouts in a directory that it does not merge with a lower one. Without this they
 * show as broken entries. The empty value means: of unknown origin.
 */
const MAY_HOLD_WHITEOUTS: Xattr = {
  name: fromText("trusted.overlay.origin"),
  value: fromText(""),
};

interface Open {
  readonly path: ByteString;
  readonly node: DirectoryNode;
  whiteouts: boolean;
}

/** Calls `finish` for each directory, children before parents and the root last, with the xattrs that overlayfs needs. */
export function finishDirectories(
  tree: Tree,
  policy: ExtractPolicy,
  finish: (path: ByteString, node: DirectoryNode, extra: readonly Xattr[]) => void,
): void {
  const close = ({ path, node, whiteouts }: Open): void => {
    const overlay = policy.whiteouts === "overlay";
    const extra = !overlay ? [] : node.opaque ? [OPAQUE] : whiteouts ? [MAY_HOLD_WHITEOUTS] : [];
    finish(path, node, extra);
  };
  // The directories from the root to where the walk is. Their number is the depth.
  const open: Open[] = [{ path: "" as ByteString, node: rootOf(tree), whiteouts: false }];
  for (const { path, node, depth } of walk(tree)) {
    while (open.length > depth) close(open.pop() as Open);
    if (node.type === "whiteout") (open.at(-1) as Open).whiteouts = true;
    if (node.type === "directory") open.push({ path, node, whiteouts: false });
  }
  while (open.length > 0) close(open.pop() as Open);
}
