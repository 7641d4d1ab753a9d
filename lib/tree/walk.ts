import type { ByteString } from "../bytes/mod.ts";
import { openDirectory } from "./lookup.ts";
import { RowCursor } from "./packed/directory_reader.ts";
import { nodeAt } from "./packed/node_codec.ts";
import { packed } from "./packed/packed_tree.ts";
import { splitPath } from "./path.ts";
import type { Tree, WalkEntry } from "./tree.ts";

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /** The directory to walk, at any depth. Default: the root. Paths always begin at the root. */
  readonly from?: ByteString | undefined;
}

/**
 * Walks a tree: each directory comes before its entries, and the entries of a directory are sorted
 * by the bytes of their names. The root (or `from`) itself is left out.
 *
 * @example
 * ```ts
 * import { emptyTree, walk } from "@varve/varve/tree";
 *
 * for (const { path, node } of walk(emptyTree("root"))) throw new Error(`${path}: ${node.type}`);
 * ```
 *
 * @throws {VarveError} `E_NOT_FOUND` when `from` does not exist, `E_NOT_DIR` when it is not a
 * directory; this call itself throws them, before the iteration begins
 */
export function walk(tree: Tree, options: WalkOptions = {}): Iterable<WalkEntry> {
  const from = splitPath(options.from ?? "" as ByteString);
  const start = from.length === 0
    ? packed(tree).root().child(0)
    : openDirectory(tree, from.join("/") as ByteString);
  return {
    *[Symbol.iterator](): Iterator<WalkEntry> {
      if (start === null) return;
      // Uses a stack, not recursion, because hostile input can make a tree of any depth.
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
