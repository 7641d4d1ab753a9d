import type { ByteString } from "../bytes/mod.ts";
import { differences, type Node, type Tree } from "../tree/mod.ts";

/** A difference between two trees. */
export interface Change {
  /** What happened. */
  readonly kind: "add" | "modify" | "delete";
  /** Where, without leading slash; empty for the root's own attributes. */
  readonly path: ByteString;
  /** The node before, unless added. */
  readonly before?: Node | undefined;
  /** The node after, unless deleted. */
  readonly after?: Node | undefined;
}

/**
 * What changed from `a` to `b`, in the order of a walk; equal subtrees are
 * skipped by their digests. A directory is modified when its own attributes
 * are. The entries of an added directory are told, those of a deleted one, or
 * of one that something else replaced, are not.
 */
export function* changes(a: Tree, b: Tree): Iterable<Change> {
  for (const { path, before, after } of differences(a, b)) {
    if (before === undefined) yield { kind: "add", path, after: after as Node };
    else if (after === undefined) yield { kind: "delete", path, before };
    else yield { kind: "modify", path, before, after };
  }
}
