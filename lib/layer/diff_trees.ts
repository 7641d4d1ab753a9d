import type { ByteString } from "../bytes/mod.ts";
import { differences, type Node, type Tree, walk } from "../tree/mod.ts";

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

/** Options of {@linkcode diffTrees}. */
export interface DiffOptions {
  /** Whether everything below a deleted or replaced directory is listed, too. Default: false. */
  readonly deep?: boolean | undefined;
}

/**
 * Lists what changed from `a` to `b`, in the order of a walk. Equal subtrees are skipped by their digests.
 *
 * A directory is modified when its own attributes differ. Everything inside an added directory is
 * listed. The entries of a deleted or replaced directory are listed with `deep` only, as deleted.
 *
 * @example
 * ```ts
 * import { diffTrees } from "@varve/varve/layer";
 * import { editTree, emptyTree, fromText, rootOf } from "@varve/varve/tree";
 *
 * const a = emptyTree("root");
 * const b = editTree(a, [[fromText("srv"), rootOf(a)]]);
 * for (const { kind, path } of diffTrees(a, b)) {
 *   if (`${kind} ${path}` !== "add srv") throw new Error("never");
 * }
 * ```
 */
export function* diffTrees(a: Tree, b: Tree, options: DiffOptions = {}): Iterable<Change> {
  for (const { path, before, after } of differences(a, b)) {
    if (before === undefined) yield { kind: "add", path, after: after as Node };
    else if (after === undefined) yield { kind: "delete", path, before };
    else yield { kind: "modify", path, before, after };
    const isGone = before?.type === "directory" && after?.type !== "directory";
    if (options.deep !== true || !isGone) continue;
    for (const { path: below, node } of walk(a, { from: path })) {
      yield { kind: "delete", path: below, before: node };
    }
  }
}
