import type { ByteString } from "../../bytes/mod.ts";
import type { NodeId } from "../../tree/mod.ts";
import type { Budget } from "./budget.ts";
import { checkComponent, checkPath, cleanPath, notDirectory, shownPath } from "./path.ts";
import type { Walker } from "./walker.ts";
import { limitError } from "../limits.ts";

/** A directory that was found before, by the letters of its path. */
interface Slot {
  path: ByteString | null;
  directory: NodeId;
  depth: number;
}

/**
 * Finds the directory that a path's last name stands in.
 *
 * Entries of one directory stand together in nearly every archive, so the last directory is known again
 * by its letters, without looking at its parts. A name that takes the place of a directory or a link
 * makes that void: {@linkcode forget}.
 */
export class Parents {
  /** The directory; −1 when it does not exist and was not to be made. */
  directory: NodeId = 0;
  /** The last name; `null` when the path is that of the root. */
  name: ByteString | null = null;
  /** How deep the name stands: 1 in the root directory. */
  depth = 0;

  readonly #walker: Walker;
  readonly #budget: Budget;
  readonly #make: boolean;
  #parent: Slot = { path: null, directory: 0, depth: 0 };
  #entered: Slot = { path: null, directory: 0, depth: 0 };

  constructor(walker: Walker, budget: Budget, make: boolean) {
    this.#walker = walker;
    this.#budget = budget;
    this.#make = make;
  }

  /**
   * Finds the parent of `path`, and makes it where this finder makes.
   *
   * @throws {VarveError} `E_EMPTY_NAME`, `E_PATH_ESCAPE`, `E_NAME_TOO_LONG`, `E_HEADER`, `E_NOT_DIR`, `E_LOOP`, `E_LIMIT`
   */
  find(path: ByteString): void {
    checkPath(path, this.#budget.limits);
    const end = endOf(path);
    const slash = end === 0 ? -1 : path.lastIndexOf("/", end - 1);
    const name = path.slice(slash + 1, end) as ByteString;
    if (name === "" || name === "." || name === "..") return this.#slowly(path, null);
    const length = slash < 0 ? 0 : slash;
    if (!isSlot(this.#parent, path, length)) {
      if (!isSlot(this.#entered, path, length)) {
        return this.#slowly(path, path.slice(0, length) as ByteString);
      }
      [this.#parent, this.#entered] = [this.#entered, this.#parent];
    }
    const { limits } = this.#budget;
    checkComponent(name, path, limits);
    this.directory = this.#parent.directory;
    this.depth = this.#parent.depth + 1;
    if (this.depth > limits.depth) throw limitError("depth", limits.depth, shownPath(path));
    this.name = name;
  }

  /** Notes that `path`, just found, is the directory `id`: its entries come next. */
  enter(path: ByteString, id: NodeId): void {
    this.#entered.path = path.slice(0, endOf(path)) as ByteString;
    this.#entered.directory = id;
    this.#entered.depth = this.depth;
  }

  /** Forgets what was found: a directory or a link is no more what it was. */
  forget(): void {
    this.#parent.path = null;
    this.#entered.path = null;
  }

  #slowly(path: ByteString, letters: ByteString | null): void {
    const walker = this.#walker;
    const parts = cleanPath(path, this.#budget.limits);
    this.name = parts[parts.length - 1] ?? null;
    this.depth = 0;
    if (this.name === null) return;
    walker.walk(parts, 1, path);
    if (!this.#make) {
      this.directory = walker.blocked || walker.missing.length > 0 ? -1 : walker.directory;
      if (this.directory < 0) return;
    } else {
      if (walker.blocked) throw notDirectory(path);
      walker.checkDepth(path);
      this.directory = walker.make(path);
    }
    this.depth = walker.depth + 1;
    if (letters === null) return;
    this.#parent.path = letters;
    this.#parent.directory = this.directory;
    this.#parent.depth = walker.depth;
  }
}

function isSlot(slot: Slot, path: ByteString, length: number): boolean {
  return slot.path !== null && slot.path.length === length && path.startsWith(slot.path);
}

function endOf(path: ByteString): number {
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === 0x2f) end--;
  return end;
}
