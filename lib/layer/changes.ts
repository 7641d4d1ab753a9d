import type { ByteString } from "../bytes/mod.ts";
import { differences, type Node, type Tree } from "../tree/mod.ts";

/** One difference between two trees. */
export interface Change {
  /** How the node differs: added, modified or deleted in the second tree. */
  readonly kind: "add" | "modify" | "delete";
  /** Path of the node, without leading slash. Empty for the root itself. */
  readonly path: ByteString;
  /** The node in the first tree; absent when added. */
  readonly before?: Node | undefined;
  /** The node in the second tree; absent when deleted. */
  readonly after?: Node | undefined;
}

/**
 * Lists what changed from `a` to `b`, in the order of a walk. Equal subtrees are skipped by their digests.
 *
 * A directory is modified when its own attributes differ. Everything inside an added directory is
 * listed. The entries of a deleted or replaced directory are not listed.
 */
export function* changes(a: Tree, b: Tree): Iterable<Change> {
  for (const { path, before, after } of differences(a, b)) {
    if (before === undefined) yield { kind: "add", path, after: after as Node };
    else if (after === undefined) yield { kind: "delete", path, before };
    else yield { kind: "modify", path, before, after };
  }
}
