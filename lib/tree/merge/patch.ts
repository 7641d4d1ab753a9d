import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { IMPLIED } from "../implied.ts";
import { mapKey } from "../map_key.ts";
import type { DirectoryNode, Node } from "../node.ts";
import { checkName, checkNode } from "../node_check.ts";
import { RESULT_WORDS } from "../packed/block_writer.ts";
import { DirectoryWriter } from "../packed/directory_writer.ts";
import { P_REPLACE, P_THROUGH } from "../packed/format.ts";
import { writeNode } from "../packed/node_writer.ts";
import { type PackedTree, sealTree } from "../packed/packed_tree.ts";
import { SegmentWriter } from "../packed/segment_writer.ts";
import { parentPath, splitPath } from "../path.ts";
import type { TreeKind } from "../tree.ts";

/**
 * Stands for a directory on the path to a change. It is compared by identity; its attributes do not
 * matter.
 */
const THROUGH: DirectoryNode = { ...IMPLIED };

/** A path in a patch, and what the patch changes there. */
interface Entry {
  readonly name: ByteString;
  /** The new node; null to remove the path; {@linkcode THROUGH} when only paths below change. */
  node: Node | null;
  /** Whether a directory replaces the old entry instead of merging with it. */
  replace: boolean;
  children: Map<ByteString, Entry>;
  /** Number of the change that set the node last. */
  turn: number;
}

/** A node that a patch puts. */
export interface PatchedNode {
  /** Path of the node. */
  readonly path: ByteString;
  /** The new node. */
  readonly node: Node;
  /** Number of the change that put the node; later changes have greater numbers. */
  readonly turn: number;
}

/** Collects changes of a tree as one small tree, which is then merged over that tree. */
export class Patch {
  readonly #kind: TreeKind;
  readonly #root: Entry = entry("" as ByteString, THROUGH);
  #turn = 0;
  /**
   * The directory of the last change, by the text of its path. Changes mostly come in the order of
   * a tree, whose directories may be thousands of levels deep.
   */
  #last: { readonly text: string; readonly at: Entry } | null = null;

  constructor(kind: TreeKind) {
    this.#kind = kind;
  }

  /** Whether there is no change. */
  get isEmpty(): boolean {
    return this.#root.node === THROUGH && this.#root.children.size === 0;
  }

  /** Adds a change. It applies after all earlier changes. */
  change(path: ByteString, node: Node | null): void {
    const text = parentPath(path);
    const end = path.slice(path.lastIndexOf("/") + 1) as ByteString;
    // A path such as `a/.` is that of the directory, which has another parent.
    const isPlain = end !== "" && end !== ".";
    const last = isPlain && this.#last?.text === text ? this.#last : null;
    const names = splitPath(last === null ? path : end);
    if (names.includes(".." as ByteString)) {
      throw new RangeError(
        `Cannot edit ${escapeForTerminal(path)}: a path of a tree cannot hold ..`,
      );
    }
    checkFits(node, this.#kind);
    let at = last?.at ?? this.#root;
    let parent = at;
    let isNew = false;
    for (const name of names) {
      parent = at;
      if (at.node === null || at.node.type !== "directory") fail(path, at.node === null);
      let next = at.children.get(name);
      isNew = next === undefined;
      if (next === undefined) {
        checkName(name);
        at.children.set(name, next = entry(name, THROUGH));
      }
      at = next;
    }
    if (names.length === 0 && node?.type !== "directory") {
      throw new RangeError("Cannot edit tree: its root must stay a directory");
    }
    if (node?.type !== "directory") {
      at.children = new Map();
      at.replace = false;
    } else if (!isNew && at.node?.type !== "directory") at.replace = true;
    at.node = node;
    at.turn = ++this.#turn;
    this.#last = isPlain ? { text, at: parent } : null;
  }

  /**
   * Whether the patch removes or replaces the old entry at `path`. The old entry must not be a
   * directory.
   */
  hides(path: ByteString): boolean {
    let at = this.#root;
    for (const name of splitPath(path)) {
      if (at.node?.type !== "directory" || at.replace) return true;
      const next = at.children.get(name);
      if (next === undefined) return false;
      at = next;
    }
    return true;
  }

  /** The new nodes that have a link group, by group and in the order of the changes. */
  groups(): Map<ByteString, PatchedNode[]> {
    const groups = new Map<ByteString, PatchedNode[]>();
    const stack = [{ at: this.#root, path: "" }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      for (const child of top.at.children.values()) {
        const path = top.path === "" ? child.name : `${top.path}/${child.name}` as ByteString;
        stack.push({ at: child, path });
        const { node } = child;
        if (node === null || !("group" in node) || node.group === null) continue;
        const group = mapKey(node.group);
        const members = groups.get(group);
        if (members === undefined) groups.set(group, [{ path, node, turn: child.turn }]);
        else members.push({ path, node, turn: child.turn });
      }
    }
    for (const members of groups.values()) members.sort((a, b) => a.turn - b.turn);
    return groups;
  }

  /** Makes the tree of the patch. */
  finish(): PackedTree {
    const segment = new SegmentWriter();
    const writers: DirectoryWriter[] = [];
    const child = new Uint32Array(RESULT_WORDS);
    const writerOf = (depth: number): DirectoryWriter =>
      writers[depth] ??= new DirectoryWriter(segment);
    const stack = [{ at: this.#root, left: sorted(this.#root) }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.left.pop();
      if (next !== undefined) {
        stack.push({ at: next, left: sorted(next) });
        continue;
      }
      stack.pop();
      writerOf(stack.length + 1).finish(child, 0);
      const { name, node, replace } = top.at;
      const group = node !== null && "group" in node ? node.group : null;
      const flags = node === THROUGH ? P_THROUGH : replace ? P_REPLACE : 0;
      writeNode(writerOf(stack.length), segment, name, node, group, flags, child);
    }
    return sealTree(this.#kind, segment, writerOf(0));
  }
}

function entry(name: ByteString, node: Node | null): Entry {
  return { name, node, replace: false, children: new Map(), turn: 0 };
}

/** The children of an entry, sorted by name in descending order. */
function sorted(at: Entry): Entry[] {
  return [...at.children.values()].sort((a, b) => a.name < b.name ? 1 : a.name > b.name ? -1 : 0);
}

function fail(path: ByteString, isGone: boolean): never {
  const subject = escapeForTerminal(path);
  throw isGone
    ? new VarveError("E_NOT_FOUND", `Cannot edit ${subject}: a parent was removed`, { subject })
    : new VarveError("E_NOT_DIR", `Cannot edit ${subject}: a parent is not a directory`, {
      subject,
    });
}

function checkFits(node: Node | null, kind: TreeKind): void {
  if (node === null) return;
  checkNode(node);
  if (kind === "layer") return;
  if (node.type === "whiteout" || node.type === "directory" && (node.opaque || node.implied)) {
    throw new RangeError(
      "Cannot edit tree: only a layer tree can hold whiteouts, opaque and implied directories",
    );
  }
}
