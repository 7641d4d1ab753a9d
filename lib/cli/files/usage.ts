import type { ByteString } from "../../bytes/mod.ts";
import { mapKey } from "../../tree/internal.ts";
import { type Node, type Tree, walk } from "../../tree/mod.ts";

/** What a path takes, with everything below it. */
export interface Usage {
  /** Path without leading slash. */
  readonly path: ByteString;
  readonly node: Node;
  /** Number of names between the start and the path: 0 for the start. */
  readonly depth: number;
  /** Bytes of file contents and of the targets of symbolic links, as `du --apparent-size` counts them. */
  readonly bytes: number;
}

/** A directory whose entries are still being added. */
interface Open {
  readonly path: ByteString;
  readonly node: Node;
  readonly depth: number;
  bytes: number;
}

/**
 * Sums up sizes in the order of du(1): a directory comes after what is in it. A file with several names (hard links)
 * counts once, at the first of them. Its other names are left out.
 *
 * @param start where to begin, without symbolic links
 */
export function* usage(
  tree: Tree,
  start: { readonly path: ByteString; readonly node: Node },
): Generator<Usage> {
  const seen = new Set<ByteString>();
  if (start.node.type !== "directory") {
    yield { ...start, depth: 0, bytes: sizeOf(start.node) };
    return;
  }
  const above = start.path === "" ? 0 : start.path.split("/").length;
  const open: Open[] = [{ ...start, depth: 0, bytes: 0 }];
  const close = () => {
    const done = open.pop() as Open;
    const parent = open.at(-1);
    if (parent !== undefined) parent.bytes += done.bytes;
    return done;
  };
  for (const { path, node, depth } of walk(tree, { from: start.path })) {
    const level = depth - above;
    while (open.length > level) yield close();
    if (node.type === "directory") {
      open.push({ path, node, depth: level, bytes: 0 });
      continue;
    }
    const group = node.type === "whiteout" ? null : node.group;
    if (group !== null && seen.size === seen.add(mapKey(group)).size) continue;
    const bytes = sizeOf(node);
    (open.at(-1) as Open).bytes += bytes;
    yield { path, node, depth: level, bytes };
  }
  while (open.length > 0) yield close();
}

/** Bytes of an entry by itself, as lstat(2) gives them for a file and a symbolic link; 0 for anything else. */
export function sizeOf(node: Node): number {
  return node.type === "file" ? node.size : node.type === "symlink" ? node.target.length : 0;
}
