import type { ByteString } from "../../bytes/mod.ts";
import { mapKey } from "../map_key.ts";
import type { Block } from "./block.ts";
import { F_GROUP, R_SIZE } from "./format.ts";
import type { PackedTree } from "./packed_tree.ts";

/**
 * Visits every entry of a directory, at any depth, that has a link group. The row of a directory
 * counts such entries below it, so directories without such entries are not entered.
 */
function visitLinked(
  directory: Block | null,
  prefix: string,
  visit: (leaf: Block, i: number, prefix: string) => void,
): void {
  const stack: { block: Block; prefix: string }[] = [];
  if (directory !== null) stack.push({ block: directory, prefix });
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { block } = top;
    for (let i = 0; i < block.count; i++) {
      if (block.isIndex || block.isDirectory(i)) {
        if (block.u32[block.row(i) + R_SIZE + 1] === 0) continue;
        stack.push({
          block: block.child(i) as Block,
          prefix: block.isIndex ? top.prefix : `${top.prefix}${block.name(i)}/`,
        });
      } else if ((block.flags(i) & F_GROUP) !== 0) {
        visit(block, i, top.prefix);
      }
    }
  }
}

/**
 * Adds to `groups` every link group that has a name in a directory, at any depth. Groups are known
 * by the {@linkcode mapKey} of their labels, here and below.
 */
export function collectGroups(directory: Block | null, groups: Set<ByteString>): void {
  visitLinked(directory, "", (leaf, i) => groups.add(mapKey(leaf.group(i))));
}

/** The paths of all names of the given link groups, by group. */
export function findMembers(
  tree: PackedTree,
  groups: ReadonlySet<ByteString>,
): Map<ByteString, ByteString[]> {
  const members = new Map<ByteString, ByteString[]>();
  visitLinked(tree.root().child(0), "", (leaf, i, prefix) => {
    const group = mapKey(leaf.group(i));
    if (!groups.has(group)) return;
    let paths = members.get(group);
    if (paths === undefined) members.set(group, paths = []);
    paths.push(prefix + leaf.name(i) as ByteString);
  });
  return members;
}

/** Whether a label is that of the group `group`. */
export function isLabelOf(label: ByteString | null, group: ByteString): boolean {
  return label !== null && mapKey(label) === group;
}

/**
 * The label of a link group that has these paths: the least path, or null when there is only one
 * path.
 */
export function labelOf(paths: readonly ByteString[]): ByteString | null {
  if (paths.length < 2) return null;
  return paths.reduce((least, path) => path < least ? path : least);
}
