import type { ByteString } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { NodeId, TreeBuilder, WhiteoutNode } from "../tree/mod.ts";
import type { Budget } from "./_budget.ts";
import { cleanPath, notDirectory } from "./_path.ts";
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
  readonly missing: readonly ByteString[] | null;
  readonly name: ByteString;
  /** 1 in the root directory. */
  readonly depth: number;
}

/**
 * The whiteouts of one layer. They are kept until all other entries are there, so that their order does
 * not matter, and then placed from the root downwards:
 *
 * - a name that the layer also has stays; if it is a directory, it becomes opaque;
 * - what lies in something hidden is hidden already;
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

  /** Places all. @throws {VarveError} `E_NOT_DIR`, `E_LOOP`, `E_LIMIT` */
  place(tree: TreeBuilder, walker: Walker, budget: Budget): void {
    // Shallow first, and of one depth opaque markers first: then whatever hides another one is there.
    const buckets: Placed[][] = [];
    for (let i = 0; i < this.#paths.length; i++) {
      const found = find(this.#kinds[i] as Kind, this.#paths[i] as ByteString, walker, budget);
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
    for (const name of whiteout.missing ?? []) {
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

/** Where a marker stands; `undefined` when its parent is hidden, or a device's is no more what it was. */
function find(kind: Kind, path: ByteString, walker: Walker, budget: Budget): Placed | undefined {
  const parts = cleanPath(path, budget.limits);
  const last = parts[parts.length - 1] as ByteString;
  if (kind === "device") {
    try {
      walker.walk(parts, 1, path);
    } catch (error) {
      // The entry itself was in order; what came after it took its parent away.
      if (error instanceof VarveError && error.code === "E_LOOP") return undefined;
      throw error;
    }
    if (walker.blocked !== "no" || walker.missing.length > 0) return undefined;
  } else {
    walker.walk(parts, 1, path);
    if (walker.blocked === "whiteout") return undefined;
    if (walker.blocked === "file") throw notDirectory(path);
    walker.checkDepth(path);
  }
  return {
    kind,
    path,
    directory: walker.directory,
    missing: walker.missing.length === 0 ? null : walker.missing.slice(),
    name: kind === "whiteout" ? last.slice(WHITEOUT_PREFIX.length) as ByteString : last,
    depth: walker.depth + 1,
  };
}
