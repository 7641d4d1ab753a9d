import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { IMPLIED, type NodeId, type TreeBuilder } from "../../tree/mod.ts";
import type { Budget } from "./budget.ts";
import { checkComponent, shownPath } from "./path.ts";
import { WHITEOUT_PREFIX } from "./whiteout_name.ts";
import { limitError } from "../limits.ts";

/**
 * Walks paths in the tree that a layer has built so far, following the symbolic links that the same
 * layer made, as `openat2` with `RESOLVE_IN_ROOT` would: an absolute target starts at the layer's root,
 * `..` stops there. Nothing outside can be named, whatever a target says.
 *
 * A part that does not exist is no error: a lower layer may have it, and what the layer puts into it
 * makes it a directory here. `..` behind such a part leads back, so that nothing is made on the way.
 */
export class Walker {
  /** The last directory of the walk that exists. */
  directory: NodeId = 0;
  /** Names below it that do not exist, or of which the first is no directory. */
  readonly missing: ByteString[] = [];
  /** Names from the root to the end of the walk. */
  readonly way: ByteString[] = [];
  /** Whether something that is neither directory nor link stood in the way. The walk went on as if it was not there. */
  blocked = false;

  readonly #tree: TreeBuilder;
  readonly #budget: Budget;
  readonly #stack: ByteString[] = [];

  constructor(tree: TreeBuilder, budget: Budget) {
    this.#tree = tree;
    this.#budget = budget;
  }

  /** How deep the end of the walk is; 0 is the root. */
  get depth(): number {
    return this.way.length;
  }

  /**
   * Walks all parts but the last `skip`, from the root.
   *
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
      this.way.push(name);
      if (type === "directory") this.directory = child;
      else {
        this.missing.push(name);
        if (type !== "none") this.blocked = true;
      }
    }
  }

  /** Makes the missing directories; gives the directory at the end. */
  make(path: ByteString): NodeId {
    this.checkNames(path);
    for (const name of this.missing) this.directory = this.makeChild(this.directory, name, path);
    this.missing.length = 0;
    return this.directory;
  }

  /** Checks that what is missing can be a directory. @throws {VarveError} `E_WHITEOUT_TYPE` */
  checkNames(path: ByteString): void {
    if (this.missing.some((name) => name.startsWith(WHITEOUT_PREFIX))) {
      throw this.#whiteoutAsParent(path);
    }
  }

  /** Makes one implied directory. */
  makeChild(directory: NodeId, name: ByteString, path: ByteString): NodeId {
    this.#budget.entry(path);
    this.#budget.metadata(name.length, path);
    return this.#tree.put(directory, name, IMPLIED);
  }

  /** Checks that a name at the end of the walk is not too deep. @throws {VarveError} `E_LIMIT` */
  checkDepth(path: ByteString): void {
    const { depth } = this.#budget.limits;
    if (this.depth + 1 > depth) throw limitError("depth", depth, shownPath(path));
  }

  #start(): void {
    this.directory = this.#tree.root;
    this.missing.length = 0;
    this.way.length = 0;
    this.blocked = false;
  }

  #up(): void {
    this.way.pop();
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
    const subject = shownPath(path);
    const { links } = this.#budget.limits;
    return new VarveError(
      "E_LOOP",
      `Cannot take entry ${subject}: more than ${links} symbolic links stand on its way`,
      { subject },
    );
  }

  #whiteoutAsParent(path: ByteString): VarveError {
    const subject = shownPath(path);
    return new VarveError(
      "E_WHITEOUT_TYPE",
      `Cannot take entry ${subject}: a whiteout can be no directory`,
      { subject },
    );
  }
}
