import { type ByteString, fromText } from "../../bytes/mod.ts";
import { type DirectoryNode, rootOf, type Tree, walk, type Xattr } from "../../tree/mod.ts";
import type { ExtractPolicy } from "./contract.ts";

/**
 * Marks a directory as opaque: overlayfs hides the entries of the lower directories with the same
 * path.
 */
const OPAQUE: Xattr = { name: fromText("trusted.overlay.opaque"), value: fromText("y") };

/**
 * Makes overlayfs look for whiteouts in a directory that it does not merge with a lower directory.
 * Without this xattr such whiteouts show as broken entries. The empty value means: of unknown
 * origin.
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
  // The directories from the root to the current directory of the walk. Their number is the depth.
  const open: Open[] = [{ path: "" as ByteString, node: rootOf(tree), whiteouts: false }];
  for (const { path, node, depth } of walk(tree)) {
    while (open.length > depth) close(open.pop() as Open);
    if (node.type === "whiteout") (open.at(-1) as Open).whiteouts = true;
    if (node.type === "directory") open.push({ path, node, whiteouts: false });
  }
  while (open.length > 0) close(open.pop() as Open);
}
