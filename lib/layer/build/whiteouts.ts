import type { ByteString } from "../../bytes/mod.ts";
import type { NodeId, TreeBuilder, WhiteoutNode } from "../../tree/mod.ts";
import type { Budget } from "./budget.ts";
import { lengthOf, type Walker } from "./walker.ts";
import { WHITEOUT_PREFIX } from "./whiteout_name.ts";

/** The node of every whiteout: it has no attributes. */
export const WHITEOUT: WhiteoutNode = { type: "whiteout" };

/**
 * A whiteout file, an opaque marker, or a character device 0:0, which overlay treats as a whiteout.
 */
type Kind = "whiteout" | "opaque" | "device";

/** The directory of a whiteout, as far as it exists. */
interface Found {
  /** The last existing directory of the path. */
  readonly directory: NodeId;
  /** Names of the directories below it that do not exist. */
  readonly missing: readonly ByteString[];
  /** Depth of the directory of the whiteout; 0 is the root. */
  readonly depth: number;
}

/** A whiteout and its directory. */
interface Placed extends Found {
  readonly kind: Kind;
  readonly path: ByteString;
  readonly name: ByteString;
}

/**
 * The whiteouts of one layer.
 *
 * The directory of a whiteout is resolved when the whiteout arrives, as for any entry: only links
 * that precede it redirect its path. A later entry cannot redirect the path, only block it. All
 * whiteouts are kept until the tree has all other entries, so that their order does not matter. Then
 * they are placed from the root downwards:
 *
 * - If the layer itself has a node with the name that the whiteout hides, the node stays. If the
 *   node is a directory, it becomes opaque.
 * - A whiteout inside a hidden directory, or below a node that is not a directory, is dropped. The
 *   files that it would hide are hidden already.
 * - A whiteout inside an opaque directory, at any depth, is dropped, because nothing is left to
 *   hide.
 */
export class Whiteouts {
  readonly #kinds: Kind[] = [];
  readonly #paths: ByteString[] = [];
  /** Paths of the directories of the whiteouts, with links resolved. */
  readonly #parents: ByteString[] = [];
  readonly #names: ByteString[] = [];
  /** Whether a directory or a directory above it is opaque, for each directory that was checked. */
  readonly #inOpaque = new Map<NodeId, boolean>();
  /** Placed whiteouts that hide nothing, to be removed at the end. */
  readonly #useless: (readonly [NodeId, ByteString])[] = [];
  readonly #walker: Walker;
  readonly #budget: Budget;
  /**
   * Text of the last whiteout's directory, if known: whiteouts of
   * one directory usually follow each other.
   */
  #parentText: ByteString | null = null;
  /** The same directory with links resolved. */
  #parent: ByteString = "" as ByteString;

  constructor(walker: Walker, budget: Budget) {
    this.#walker = walker;
    this.#budget = budget;
  }

  /**
   * Keeps a whiteout until {@linkcode Whiteouts.place}. A character device 0:0 must be in the tree
   * already.
   *
   * @param parts the parts of the cleaned path, at least one
   * @throws {VarveError} `E_LOOP`, `E_LIMIT`, `E_NAME_TOO_LONG`, `E_WHITEOUT_TYPE`
   */
  add(kind: Kind, path: ByteString, parts: readonly ByteString[]): void {
    this.#budget.metadata(path.length, path);
    const last = parts[parts.length - 1] as ByteString;
    const slash = path.lastIndexOf("/");
    // The text before the last slash is the parent only if the
    // last name is the last part: not in `a/b/.`.
    const isPlain = path.slice(slash + 1) === last;
    const parentText = isPlain ? path.slice(0, Math.max(slash, 0)) as ByteString : null;
    if (parentText === null || parentText !== this.#parentText) {
      this.#parent = this.#resolve(parts, path, parentText);
      this.#parentText = parentText;
    }
    const above = this.#parent === "" ? 0 : this.#parent.length + 1;
    this.#budget.resolved(above + last.length, path);
    this.#kinds.push(kind);
    this.#paths.push(path);
    this.#parents.push(this.#parent);
    this.#names.push(kind === "whiteout" ? last.slice(WHITEOUT_PREFIX.length) as ByteString : last);
  }

  #resolve(
    parts: readonly ByteString[],
    path: ByteString,
    parentText: ByteString | null,
  ): ByteString {
    const walker = this.#walker;
    walker.walk(parts, 1, path);
    walker.checkDepth(path);
    walker.checkNames(path);
    const resolved = walker.names.join("/") as ByteString;
    if (resolved === parentText) return parentText;
    this.#budget.metadata(resolved.length, path);
    return resolved;
  }

  /**
   * Forgets the directory of the last whiteout: the same path may lead elsewhere after another
   * entry.
   */
  forget(): void {
    this.#parentText = null;
  }

  /**
   * Places all kept whiteouts. The tree must have all other entries of the layer.
   *
   * @throws {VarveError} `E_LIMIT`
   */
  place(tree: TreeBuilder): void {
    // Sort by depth, with opaque markers first in each depth, so that a whiteout comes after
    // everything that can hide it.
    const buckets: Placed[][] = [];
    const finder = new DirectoryFinder(tree);
    for (let i = 0; i < this.#paths.length; i++) {
      const kind = this.#kinds[i] as Kind;
      const found = finder.find(this.#parents[i] as ByteString);
      if (found === undefined || (kind === "device" && found.missing.length > 0)) continue;
      const [path, name] = [this.#paths[i] as ByteString, this.#names[i] as ByteString];
      (buckets[2 * found.depth + (kind === "opaque" ? 0 : 1)] ??= []).push({
        kind,
        path,
        name,
        ...found,
      });
    }
    for (const bucket of buckets) {
      for (const whiteout of bucket ?? []) this.#place(whiteout, tree);
    }
    for (const [directory, name] of this.#useless) tree.remove(directory, name);
  }

  #place(whiteout: Placed, tree: TreeBuilder): void {
    let { directory } = whiteout;
    const { path, missing } = whiteout;
    let length = Math.max(0, path.length - whiteout.name.length - lengthOf(missing));
    for (const name of missing) {
      length += name.length + 1;
      const child = tree.child(directory, name);
      if (child >= 0 && tree.typeOf(child) === "whiteout") return;
      directory = child >= 0 ? child : this.#walker.makeChild(directory, name, path, length);
    }
    if (whiteout.kind === "opaque") return tree.setOpaque(directory);
    const child = tree.child(directory, whiteout.name);
    const type = child < 0 ? "none" : tree.typeOf(child);
    if (whiteout.kind === "device") {
      if (type === "whiteout" && this.#isInOpaque(directory, tree)) {
        tree.remove(directory, whiteout.name);
      }
    } else if (type === "directory") {
      tree.setOpaque(child);
    } else if (type === "none") {
      // In an opaque directory the whiteout has no lower files to hide. But while it is in the tree,
      // whiteouts and opaque markers below its name are dropped. So it is removed last.
      tree.put(directory, whiteout.name, WHITEOUT);
      if (this.#isInOpaque(directory, tree)) this.#useless.push([directory, whiteout.name]);
    }
  }

  /** Whether a directory or a directory above it is opaque. */
  #isInOpaque(directory: NodeId, tree: TreeBuilder): boolean {
    const unknown: NodeId[] = [];
    let id = directory;
    let isInOpaque = this.#inOpaque.get(id);
    while (isInOpaque === undefined) {
      unknown.push(id);
      if (tree.isOpaque(id)) isInOpaque = true;
      else if (id === tree.root) isInOpaque = false;
      else isInOpaque = this.#inOpaque.get(id = tree.parentOf(id));
    }
    for (const id of unknown) this.#inOpaque.set(id, isInOpaque);
    return isInOpaque;
  }
}

/** Finds the directories of whiteouts in a tree that has all other entries and does not change. */
class DirectoryFinder {
  readonly #tree: TreeBuilder;
  #parent: ByteString | null = null;
  #found: Found | undefined;

  constructor(tree: TreeBuilder) {
    this.#tree = tree;
  }

  /**
   * The directory with a resolved path; `undefined` when a later entry blocks the path. That entry
   * then hides everything that the whiteout would hide.
   */
  find(parent: ByteString): Found | undefined {
    if (parent !== this.#parent) {
      this.#parent = parent;
      this.#found = this.#walk(parent === "" ? [] : parent.split("/") as ByteString[]);
    }
    return this.#found;
  }

  #walk(names: readonly ByteString[]): Found | undefined {
    let directory = this.#tree.root;
    for (const [i, name] of names.entries()) {
      const child = this.#tree.child(directory, name);
      if (child < 0) return { directory, missing: names.slice(i), depth: names.length };
      if (this.#tree.typeOf(child) !== "directory") return undefined;
      directory = child;
    }
    return { directory, missing: [], depth: names.length };
  }
}
