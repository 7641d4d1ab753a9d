import type { ByteString } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { NodeId, TreeBuilder, WhiteoutNode } from "../tree/mod.ts";
import type { Budget } from "./_budget.ts";
import { limitError } from "./limits.ts";
import { cleanPath, shownPath } from "./_path.ts";
import type { Walker } from "./_walker.ts";
import { WHITEOUT_PREFIX } from "./_whiteout_name.ts";

/** The only whiteout there is. */
export const WHITEOUT: WhiteoutNode = { type: "whiteout" };

type Kind = "whiteout" | "opaque" | "device";

/** Where a whiteout was found to stand. */
interface Placed {
  readonly kind: Kind;
  readonly path: ByteString;
  /** Existing directory. */
  readonly directory: NodeId;
  /** Directories below it that do not exist. */
  readonly missing: readonly ByteString[];
  readonly name: ByteString;
  /** 1 in the root directory. */
  readonly depth: number;
}

/**
 * The whiteouts of one layer. They are kept until all other entries are there, so that their order does
 * not matter, and then placed from the root downwards:
 *
 * - a name that the layer also has stays; if it is a directory, it becomes opaque;
 * - what lies in something hidden, or in what is no directory, is hidden already;
 * - in an opaque directory, however deep, nothing is left to hide.
 */
export class Whiteouts {
  readonly #kinds: Kind[] = [];
  readonly #paths: ByteString[] = [];
  readonly #cut = new Map<NodeId, boolean>();
  readonly #idle: (readonly [NodeId, ByteString])[] = [];

  /** Keeps one: a whiteout, an opaque marker, or a character device 0:0 that stands in the tree already. */
  add(kind: Kind, path: ByteString, budget: Budget): void {
    budget.metadata(path.length, path);
    this.#kinds.push(kind);
    this.#paths.push(path);
  }

  /** Places all. @throws {VarveError} `E_LOOP`, `E_LIMIT` */
  place(tree: TreeBuilder, walker: Walker, budget: Budget): void {
    // Shallow first, and of one depth opaque markers first: then whatever hides another one is there.
    const buckets: Placed[][] = [];
    const finder = new MarkerFinder(walker, budget);
    for (let i = 0; i < this.#paths.length; i++) {
      const found = finder.find(this.#kinds[i] as Kind, this.#paths[i] as ByteString);
      if (found === undefined) continue;
      (buckets[2 * found.depth + (found.kind === "opaque" ? 0 : 1)] ??= []).push(found);
    }
    for (const bucket of buckets) {
      for (const whiteout of bucket ?? []) this.#place(whiteout, tree, walker);
    }
    for (const [directory, name] of this.#idle) tree.remove(directory, name);
  }

  #place(whiteout: Placed, tree: TreeBuilder, walker: Walker): void {
    let { directory } = whiteout;
    for (const name of whiteout.missing) {
      const child = tree.child(directory, name);
      if (child >= 0 && tree.typeOf(child) === "whiteout") return;
      directory = child >= 0 ? child : walker.makeChild(directory, name, whiteout.path);
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

/** A directory that markers stand in. */
interface Found {
  readonly directory: NodeId;
  readonly missing: readonly ByteString[];
  /** 0 is the root. */
  readonly depth: number;
  /** Whether something stands in the way that hides whatever the marker would hide. */
  readonly blocked: boolean;
}

/** Finds where markers stand, in a tree that stays as it is meanwhile: markers of one directory mostly come together. */
class MarkerFinder {
  readonly #walker: Walker;
  readonly #budget: Budget;
  #letters: ByteString | null = null;
  #found: Found | null = null;

  constructor(walker: Walker, budget: Budget) {
    this.#walker = walker;
    this.#budget = budget;
  }

  /** `undefined` when the parent is hidden, or that of a device is no more what it was. */
  find(kind: Kind, path: ByteString): Placed | undefined {
    const { parent, last } = this.#parent(kind, path);
    if (parent === null || parent.blocked) return undefined;
    if (kind === "device") {
      if (parent.missing.length > 0) return undefined;
    } else if (parent.depth >= this.#budget.limits.depth) {
      throw limitError("depth", this.#budget.limits.depth, shownPath(path));
    }
    return {
      kind,
      path,
      directory: parent.directory,
      missing: parent.missing,
      name: kind === "whiteout" ? last.slice(WHITEOUT_PREFIX.length) as ByteString : last,
      depth: parent.depth + 1,
    };
  }

  #parent(
    kind: Kind,
    path: ByteString,
  ): { readonly parent: Found | null; readonly last: ByteString } {
    const slash = path.lastIndexOf("/");
    const plain = path.slice(slash + 1) as ByteString;
    const letters = path.slice(0, Math.max(slash, 0)) as ByteString;
    const known = letters === this.#letters && (this.#found !== null || kind === "device");
    if (known && plain !== "" && plain !== "." && plain !== "..") {
      return { parent: this.#found, last: plain };
    }
    const parts = cleanPath(path, this.#budget.limits, WHITEOUT_PREFIX);
    const last = parts[parts.length - 1] as ByteString;
    const parent = this.#walk(kind, parts, path);
    // The letters are the parent's only where the last part is the last name.
    this.#letters = plain === last ? letters : null;
    this.#found = parent;
    return { parent, last };
  }

  #walk(kind: Kind, parts: readonly ByteString[], path: ByteString): Found | null {
    const walker = this.#walker;
    try {
      walker.walk(parts, 1, path);
    } catch (error) {
      // A device was in order when it came; what came after it took its parent away.
      if (kind === "device" && error instanceof VarveError && error.code === "E_LOOP") return null;
      throw error;
    }
    const { directory, depth, blocked } = walker;
    return { directory, depth, blocked, missing: walker.missing.slice() };
  }
}
