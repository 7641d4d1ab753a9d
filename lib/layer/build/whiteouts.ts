import type { ByteString } from "../../bytes/mod.ts";
import type { NodeId, TreeBuilder, WhiteoutNode } from "../../tree/mod.ts";
import type { Budget } from "./budget.ts";
import type { Walker } from "./walker.ts";
import { WHITEOUT_PREFIX } from "./whiteout_name.ts";

/** The only whiteout there is. */
export const WHITEOUT: WhiteoutNode = { type: "whiteout" };

type Kind = "whiteout" | "opaque" | "device";

/** A directory that whiteouts stand in. */
interface Found {
  /** Existing directory. */
  readonly directory: NodeId;
  /** Directories below it that do not exist. */
  readonly missing: readonly ByteString[];
  /** 0 is the root. */
  readonly depth: number;
}

/** Where a whiteout was found to stand. */
interface Placed extends Found {
  readonly kind: Kind;
  readonly path: ByteString;
  readonly name: ByteString;
}

/**
 * The whiteouts of one layer. Where one stands is found when it comes, as for any entry: a link on its way
 * is one that came before it, and what comes later is put in its way at most. They are kept until all other
 * entries are there, so that their order does not matter, and then placed from the root downwards:
 *
 * - a name that the layer also has stays; if it is a directory, it becomes opaque;
 * - what lies in something hidden, or in what is no directory, is hidden already;
 * - in an opaque directory, however deep, nothing is left to hide.
 */
export class Whiteouts {
  readonly #kinds: Kind[] = [];
  readonly #paths: ByteString[] = [];
  /** Paths of the directories they stand in, without links. */
  readonly #parents: ByteString[] = [];
  readonly #names: ByteString[] = [];
  readonly #cut = new Map<NodeId, boolean>();
  readonly #idle: (readonly [NodeId, ByteString])[] = [];
  readonly #walker: Walker;
  readonly #budget: Budget;
  /** The directory of the last one, by the letters of its path: those of one directory mostly come together. */
  #letters: ByteString | null = null;
  #parent: ByteString = "" as ByteString;

  constructor(walker: Walker, budget: Budget) {
    this.#walker = walker;
    this.#budget = budget;
  }

  /**
   * Keeps one: a whiteout, an opaque marker, or a character device 0:0 that stands in the tree already.
   *
   * @param parts the parts of its path, at least one
   * @throws {VarveError} `E_LOOP`, `E_LIMIT`, `E_NAME_TOO_LONG`, `E_WHITEOUT_TYPE`
   */
  add(kind: Kind, path: ByteString, parts: readonly ByteString[]): void {
    this.#budget.metadata(path.length, path);
    const last = parts[parts.length - 1] as ByteString;
    const slash = path.lastIndexOf("/");
    // The letters are the parent's only where the last part is the last name.
    const isPlain = path.slice(slash + 1) === last;
    const letters = isPlain ? path.slice(0, Math.max(slash, 0)) as ByteString : null;
    if (letters === null || letters !== this.#letters) {
      this.#parent = this.#resolve(parts, path, letters);
      this.#letters = letters;
    }
    this.#kinds.push(kind);
    this.#paths.push(path);
    this.#parents.push(this.#parent);
    this.#names.push(kind === "whiteout" ? last.slice(WHITEOUT_PREFIX.length) as ByteString : last);
  }

  #resolve(
    parts: readonly ByteString[],
    path: ByteString,
    letters: ByteString | null,
  ): ByteString {
    const walker = this.#walker;
    walker.walk(parts, 1, path);
    walker.checkDepth(path);
    walker.checkNames(path);
    const way = walker.way.join("/") as ByteString;
    if (way === letters) return letters;
    this.#budget.metadata(way.length, path);
    return way;
  }

  /** Notes that something else came: a link may stand in a known way now. */
  forget(): void {
    this.#letters = null;
  }

  /** Places all. @throws {VarveError} `E_LIMIT` */
  place(tree: TreeBuilder): void {
    // Shallow first, and of one depth opaque markers first: then whatever hides another one is there.
    const buckets: Placed[][] = [];
    const finder = new PlaceFinder(tree);
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
    for (const [directory, name] of this.#idle) tree.remove(directory, name);
  }

  #place(whiteout: Placed, tree: TreeBuilder): void {
    let { directory } = whiteout;
    for (const name of whiteout.missing) {
      const child = tree.child(directory, name);
      if (child >= 0 && tree.typeOf(child) === "whiteout") return;
      directory = child >= 0 ? child : this.#walker.makeChild(directory, name, whiteout.path);
    }
    if (whiteout.kind === "opaque") return tree.setOpaque(directory);
    const child = tree.child(directory, whiteout.name);
    const type = child < 0 ? "none" : tree.typeOf(child);
    if (whiteout.kind === "device") {
      if (type === "whiteout" && this.#isCut(directory, tree)) {
        tree.remove(directory, whiteout.name);
      }
    } else if (type === "directory") {
      tree.setOpaque(child);
    } else if (type === "none") {
      // Also where nothing is left to hide, until all are placed: it hides deeper markers.
      tree.put(directory, whiteout.name, WHITEOUT);
      if (this.#isCut(directory, tree)) this.#idle.push([directory, whiteout.name]);
    }
  }

  /** Whether a directory or one above it is opaque. */
  #isCut(directory: NodeId, tree: TreeBuilder): boolean {
    const way: NodeId[] = [];
    let id = directory;
    let cut = this.#cut.get(id);
    while (cut === undefined) {
      way.push(id);
      if (tree.isOpaque(id)) cut = true;
      else if (id === tree.root) cut = false;
      else cut = this.#cut.get(id = tree.parentOf(id));
    }
    for (const seen of way) this.#cut.set(seen, cut);
    return cut;
  }
}

/** Finds where whiteouts stand, in a tree that has all other entries and does not change meanwhile. */
class PlaceFinder {
  readonly #tree: TreeBuilder;
  #parent: ByteString | null = null;
  #found: Found | undefined;

  constructor(tree: TreeBuilder) {
    this.#tree = tree;
  }

  /** `undefined` when something stands in the way now: it hides whatever was to be hidden. */
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
