import type { ByteString } from "../../bytes/mod.ts";
import { parentPath } from "../../tree/internal.ts";
import { type NamedNode, type Node, walk } from "../../tree/mod.ts";
import { type Files, type FilesView, slashed, trimmed } from "./open_files.ts";

/** Number of names of an inode: `.` and `..` of a directory count, as on most file systems. */
export class LinkCounter {
  readonly #files: Files;
  readonly #view: FilesView;
  /** How many names each link group has; `undefined` before the tree was walked. */
  #groups: Map<ByteString, number> | undefined;

  constructor(files: Files, view: FilesView) {
    this.#files = files;
    this.#view = view;
  }

  /** Walks the tree if an entry has several names. Call it before {@linkcode count}. */
  async prepare(entries: Iterable<NamedNode>): Promise<void> {
    if (!some(entries, ({ node }) => groupOf(node) !== null)) return;
    this.#groups = new Map();
    for (const { node } of walk(await this.#files.tree())) {
      const group = groupOf(node);
      if (group !== null) this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1);
    }
  }

  /** The link count of an entry of a directory, also of `.` and `..`. */
  count(directory: ByteString, { name, node }: NamedNode): number {
    if (node.type !== "directory") {
      const group = groupOf(node);
      return group === null ? 1 : this.#groups?.get(group) ?? 1;
    }
    let count = 2;
    const path = name === "."
      ? directory
      : name === ".."
      ? parentPath(trimmed(directory))
      : slashed(directory) + name as ByteString;
    for (const { node } of this.#view.list(path)) if (node.type === "directory") count++;
    return count;
  }
}

function some<T>(values: Iterable<T>, isIt: (value: T) => boolean): boolean {
  for (const value of values) if (isIt(value)) return true;
  return false;
}

function groupOf(node: Node): ByteString | null {
  return node.type === "directory" || node.type === "whiteout" ? null : node.group;
}
