import type { ByteString } from "../../bytes/mod.ts";
import type { VarveError } from "../../errors.ts";
import { IMPLIED, type NodeId, type TreeBuilder } from "../../tree/mod.ts";
import type { Budget } from "./budget.ts";
import { checkComponent, entryError, shownPath } from "./path.ts";
import { WHITEOUT_PREFIX, whiteoutAsParent } from "./whiteout_name.ts";
import { limitError } from "../limits.ts";

/**
 * Resolves paths in the tree that a layer has built so far.
 *
 * It follows the symbolic links of the same layer, as `openat2` with `RESOLVE_IN_ROOT` does: an absolute
 * target starts at the root of the layer, and `..` stops there. No target can lead outside.
 *
 * A missing name is not an error, because a lower layer may have a directory of that name. When
 * the layer has an entry below the name, {@linkcode Walker.make} makes an implied directory. The
 * walk itself makes no directories: a `..` may follow the missing name, and then the entry is not
 * below it.
 */
export class Walker {
  /** The last existing directory of the walk. */
  directory: NodeId = 0;
  /** Names of the walk below `directory`: the first is missing or, if `blocked`, not a directory. */
  readonly missing: ByteString[] = [];
  /** All names from the root to the end of the walk, with links resolved. */
  readonly names: ByteString[] = [];
  /**
   * Whether the path leads through a node that is neither a directory nor a link. The walk goes on
   * as if the node were missing.
   */
  blocked = false;

  readonly #tree: TreeBuilder;
  readonly #budget: Budget;
  readonly #stack: ByteString[] = [];

  constructor(tree: TreeBuilder, budget: Budget) {
    this.#tree = tree;
    this.#budget = budget;
  }

  /** Depth of the end of the walk; 0 is the root. */
  get depth(): number {
    return this.names.length;
  }

  /**
   * Walks from the root along all parts, except the last `skip` parts.
   *
   * @param path path of the entry, for messages
   * @throws {VarveError} `E_LOOP`, `E_LIMIT`, `E_NAME_TOO_LONG`
   */
  walk(parts: readonly ByteString[], skip: number, path: ByteString): void {
    const stack = this.#stack;
    stack.length = 0;
    for (let i = parts.length - 1 - skip; i >= 0; i--) stack.push(parts[i] as ByteString);
    this.#start();
    let links = 0;
    while (stack.length > 0) {
      const name = stack.pop() as ByteString;
      if (name === "..") {
        this.#up();
        continue;
      }
      const isThere = this.missing.length === 0 && !this.blocked;
      const child = isThere ? this.#tree.child(this.directory, name) : -1;
      const type = child < 0 ? "none" : this.#tree.typeOf(child);
      if (type === "symlink") {
        if (++links > this.#budget.limits.links) throw this.#loop(path);
        this.#follow(this.#tree.linkTarget(child), path);
        continue;
      }
      this.names.push(name);
      if (type === "directory") this.directory = child;
      else {
        this.missing.push(name);
        if (type !== "none") this.blocked = true;
      }
    }
  }

  /** Makes the missing directories, and returns the directory at the end of the walk. */
  make(path: ByteString): NodeId {
    this.checkNames(path);
    if (this.missing.length === 0) return this.directory;
    let length = lengthOf(this.names) - lengthOf(this.missing);
    for (const name of this.missing) {
      length += name.length + 1;
      this.directory = this.makeChild(this.directory, name, path, length);
    }
    this.missing.length = 0;
    return this.directory;
  }

  /**
   * Checks that no missing directory has the name of a whiteout.
   *
   * @throws {VarveError} `E_WHITEOUT_TYPE`
   */
  checkNames(path: ByteString): void {
    if (this.missing.some((name) => name.startsWith(WHITEOUT_PREFIX))) {
      throw whiteoutAsParent(path);
    }
  }

  /**
   * Makes an implied directory, whose own path has `length` bytes. @throws {VarveError} `E_LIMIT`
   */
  makeChild(directory: NodeId, name: ByteString, path: ByteString, length: number): NodeId {
    this.#budget.implied(length, path);
    this.#budget.metadata(name.length, path);
    return this.#tree.put(directory, name, IMPLIED);
  }

  /**
   * Checks that a name in the directory at the end of the walk is not too deep.
   *
   * @throws {VarveError} `E_LIMIT`
   */
  checkDepth(path: ByteString): void {
    const { depth } = this.#budget.limits;
    if (this.depth + 1 > depth) throw limitError("depth", depth, shownPath(path));
  }

  #start(): void {
    this.directory = this.#tree.root;
    this.missing.length = 0;
    this.names.length = 0;
    this.blocked = false;
  }

  #up(): void {
    this.names.pop();
    if (this.missing.pop() === undefined) this.directory = this.#tree.parentOf(this.directory);
  }

  #follow(target: ByteString, path: ByteString): void {
    const parts = target.split("/") as ByteString[];
    this.#budget.steps(parts.length, path);
    if (target.startsWith("/")) this.#start();
    for (let i = parts.length - 1; i >= 0; i--) {
      const part = parts[i] as ByteString;
      if (part === "" || part === ".") continue;
      checkComponent(part, path, this.#budget.limits);
      this.#stack.push(part);
    }
  }

  #loop(path: ByteString): VarveError {
    const { links } = this.#budget.limits;
    return entryError("E_LOOP", path, `its path leads through more than ${links} symbolic links`);
  }
}

/** Length in bytes of a path of these names, with a slash after each. */
export function lengthOf(names: readonly ByteString[]): number {
  return names.reduce((sum, { length }) => sum + length + 1, 0);
}
