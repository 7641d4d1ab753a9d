import type { ByteString } from "../../bytes/mod.ts";
import type { NodeId } from "../../tree/mod.ts";
import { limitError } from "../limits.ts";
import type { Budget } from "./budget.ts";
import { checkComponent, checkPath, cleanPath, entryError, shownPath } from "./path.ts";
import { lengthOf, type Walker } from "./walker.ts";

/**
 * A directory that was resolved before. `path` is the text that led to the directory; null when the
 * cache is invalid.
 */
interface CachedDirectory {
  path: ByteString | null;
  directory: NodeId;
  depth: number;
  /** Length in bytes of the path with links resolved, with a slash at its end. */
  length: number;
}

/**
 * Resolves the parent directory of a path. Makes a missing parent, or reports it as missing.
 *
 * In nearly every archive the entries of a directory follow each other. So the last directories are
 * cached under the text of their path, and an entry below the same text needs no walk. When a node
 * replaces a directory or a symbolic link, the cache may be wrong: call {@linkcode Parents.forget}.
 */
export class Parents {
  /** The parent directory; −1 when it does not exist and must not be made. */
  directory: NodeId = 0;
  /** The last name of the path; null when the path is the root. */
  name: ByteString | null = null;
  /** Depth of the name: 1 in the root directory. */
  depth = 0;
  /** Length in bytes of the path, with links resolved. */
  length = 0;

  readonly #walker: Walker;
  readonly #budget: Budget;
  readonly #make: boolean;
  /** Parent of the last path. */
  #parent: CachedDirectory = { path: null, directory: 0, depth: 0, length: 0 };
  /** The last directory that has its own entry. */
  #entered: CachedDirectory = { path: null, directory: 0, depth: 0, length: 0 };

  /** @param make whether to make missing parents */
  constructor(walker: Walker, budget: Budget, make: boolean) {
    this.#walker = walker;
    this.#budget = budget;
    this.#make = make;
  }

  /**
   * Resolves the parent of `path`. The result is in `directory`, `name` and `depth`.
   *
   * @throws {VarveError} `E_EMPTY_NAME`, `E_PATH_ESCAPE`, `E_NAME_TOO_LONG`, `E_HEADER`, `E_NOT_DIR`, `E_LOOP`, `E_LIMIT`
   */
  find(path: ByteString): void {
    checkPath(path, this.#budget.limits);
    const end = endOf(path);
    const slash = end === 0 ? -1 : path.lastIndexOf("/", end - 1);
    const name = path.slice(slash + 1, end) as ByteString;
    if (name === "" || name === "." || name === "..") return this.#resolve(path, null);
    const length = slash < 0 ? 0 : slash;
    if (!isCached(this.#parent, path, length)) {
      if (!isCached(this.#entered, path, length)) {
        return this.#resolve(path, path.slice(0, length) as ByteString);
      }
      [this.#parent, this.#entered] = [this.#entered, this.#parent];
    }
    const { limits } = this.#budget;
    checkComponent(name, path, limits);
    this.directory = this.#parent.directory;
    this.depth = this.#parent.depth + 1;
    if (this.depth > limits.depth) throw limitError("depth", limits.depth, shownPath(path));
    this.name = name;
    this.#setLength(this.#parent.length + name.length, path);
  }

  /**
   * Caches the directory `id` under `path`, the last path that was found. The entries of the
   * directory usually follow.
   */
  enter(path: ByteString, id: NodeId): void {
    this.#entered.path = path.slice(0, endOf(path)) as ByteString;
    this.#entered.directory = id;
    this.#entered.depth = this.depth;
    this.#entered.length = this.length + 1;
  }

  /** Empties the cache: a directory or a symbolic link was replaced. */
  forget(): void {
    this.#parent.path = null;
    this.#entered.path = null;
  }

  /** Walks the path. Caches the parent under `parentText`, unless that is null. */
  #resolve(path: ByteString, parentText: ByteString | null): void {
    const walker = this.#walker;
    this.#budget.walk(path);
    const parts = cleanPath(path, this.#budget.limits);
    this.name = parts[parts.length - 1] ?? null;
    this.depth = 0;
    if (this.name === null) return;
    walker.walk(parts, 1, path);
    if (!this.#make) {
      this.directory = walker.blocked || walker.missing.length > 0 ? -1 : walker.directory;
      if (this.directory < 0) return;
    } else {
      if (walker.blocked) throw entryError("E_NOT_DIR", path, "its parent is not a directory");
      walker.checkDepth(path);
      this.directory = walker.make(path);
    }
    this.depth = walker.depth + 1;
    const length = lengthOf(walker.names);
    this.#setLength(length + this.name.length, path);
    if (parentText === null) return;
    this.#parent.path = parentText;
    this.#parent.directory = this.directory;
    this.#parent.depth = walker.depth;
    this.#parent.length = length;
  }

  #setLength(length: number, path: ByteString): void {
    this.length = length;
    if (this.#make) this.#budget.resolved(length, path);
  }
}

/** Whether the first `length` chars of `path` are the text of the cached directory. */
function isCached(cached: CachedDirectory, path: ByteString, length: number): boolean {
  return cached.path !== null && cached.path.length === length && path.startsWith(cached.path);
}

/** The length of a path without slashes at the end. */
function endOf(path: ByteString): number {
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === 0x2f) end--;
  return end;
}
