import type { ByteString } from "../bytes/mod.ts";
import { openDirectory } from "./lookup.ts";
import { RowCursor } from "./packed/directory_reader.ts";
import { nodeAt } from "./packed/node_codec.ts";
import { packed } from "./packed/packed_tree.ts";
import { splitPath } from "./path.ts";
import type { Tree, WalkEntry } from "./tree.ts";

/** Where a {@linkcode walk} begins. */
export interface WalkOptions {
  /** The directory whose entries are walked; the root when not given. Paths are still told from the root. */
  readonly from?: ByteString | undefined;
}

/**
 * Goes through a tree: a directory before its entries, each directory sorted
 * by the bytes of its names. The root (or `from`) itself is not told.
 *
 * @example
 * ```ts
 * import { emptyTree, walk } from "@varve/varve/tree";
 *
 * for (const { path, node } of walk(emptyTree("root"))) throw new Error(`${path}: ${node.type}`);
 * ```
 *
 * @throws {VarveError} `E_NOT_FOUND` or `E_NOT_DIR` for `from`, at once
 */
export function walk(tree: Tree, options: WalkOptions = {}): Iterable<WalkEntry> {
  const from = splitPath(options.from ?? "" as ByteString);
  const start = from.length === 0
    ? packed(tree).root().child(0)
    : openDirectory(tree, from.join("/") as ByteString);
  return {
    *[Symbol.iterator](): Iterator<WalkEntry> {
      if (start === null) return;
      // A stack, not recursion: a tree may be as deep as its input liked.
      const stack = [{
        rows: new RowCursor(start),
        prefix: from.map((name) => name + "/").join(""),
      }];
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        const { rows, prefix } = top;
        if (!rows.valid()) {
          stack.pop();
          continue;
        }
        const { leaf, i } = rows;
        rows.i++;
        const name = leaf.name(i);
        const path = prefix + name as ByteString;
        yield { path, name, node: nodeAt(leaf, i), depth: from.length + stack.length };
        const child = leaf.isDirectory(i) ? leaf.child(i) : null;
        if (child !== null) stack.push({ rows: new RowCursor(child), prefix: path + "/" });
      }
    },
  };
}
