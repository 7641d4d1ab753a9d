import type { NamedNode } from "../../tree/mod.ts";
import { formatMode, formatName, formatSize, formatTime } from "../nodes.ts";

/** The lines of `varve ls`, with aligned columns. */
export function* listing(entries: readonly NamedNode[]): Generator<string> {
  let [owners, sizes] = [0, 0];
  for (const { node } of entries) {
    owners = Math.max(owners, ownerOf(node).length);
    sizes = Math.max(sizes, formatSize(node).length);
  }
  for (const { name, node } of entries) {
    const time = node.type === "whiteout" ? "" : formatTime(node.mtime).slice(0, 19);
    yield `${formatMode(node)} ${ownerOf(node).padEnd(owners)} ` +
      `${formatSize(node).padStart(sizes)} ${time} ${formatName(name, node)}\n`;
  }
}

function ownerOf(node: NamedNode["node"]): string {
  return node.type === "whiteout" ? "" : `${node.uid}:${node.gid}`;
}
