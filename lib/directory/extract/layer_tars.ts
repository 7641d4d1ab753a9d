import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { copyRange, CWD, type Fd, Open, openAt, truncateFd } from "../../linux/mod.ts";
import type { FileNode } from "../../tree/mod.ts";
import { DescriptorCache } from "./descriptor_cache.ts";

/** Maximum number of tars that are open at once. An image may have 500 layers. */
const KEPT = 24;

/** The layer tars from which the content of files is copied. */
export class LayerTars implements Disposable {
  readonly #paths: ReadonlyMap<DiffId, ByteString>;
  readonly #cache = new DescriptorCache<DiffId>(KEPT);

  readonly #checkpoint: () => void;

  /**
   * Takes the paths of the layer tars, by diffID.
   *
   * @param checkpoint called between pieces of a large file; if it throws, the copy ends with that
   * error
   */
  constructor(paths: ReadonlyMap<DiffId, ByteString>, checkpoint: () => void = () => {}) {
    this.#paths = paths;
    this.#checkpoint = checkpoint;
  }

  /**
   * Fills a new, empty file. Holes stay holes.
   *
   * @returns number of bytes that were copied
   * @throws {VarveError} `E_MISSING` the layer tar is missing · `E_DAMAGE` it is shorter than the
   * tree says
   */
  fill(file: Fd, node: FileNode, path: ByteString): number {
    if (node.size === 0) return 0;
    const { locator } = node;
    if (locator === null) throw missing(path, "the tree does not say where its content lies");
    const source = this.#cache.get(locator.source, (diffId) => this.#open(diffId, path));
    let end = 0, copied = 0;
    for (const { logical, length, position } of locator.extents) {
      if (logical < end || logical + length > node.size) {
        throw new VarveError(
          "E_DAMAGE",
          `Cannot extract ${escapeForTerminal(path)}: its extents do not fit its size`,
          { subject: escapeForTerminal(path), expected: node.size, actual: logical + length },
        );
      }
      const count = copyRange(source, position, file, logical, length, this.#checkpoint);
      if (count < length) throw short(path, locator.source, position + count);
      copied += count;
      end = logical + length;
    }
    if (end < node.size) truncateFd(file, node.size);
    return copied;
  }

  /** Closes the layer tars. */
  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }

  #open(diffId: DiffId, path: ByteString): Fd {
    const tar = this.#paths.get(diffId);
    if (tar === undefined) throw missing(path, `there is no layer ${diffId}`);
    return openAt(CWD, tar, Open.READ | Open.NO_FOLLOW);
  }
}

function missing(path: ByteString, state: string): VarveError {
  const subject = escapeForTerminal(path);
  return new VarveError("E_MISSING", `Cannot extract ${subject}: ${state}`, { subject });
}

function short(path: ByteString, diffId: DiffId, actual: number): VarveError {
  const subject = escapeForTerminal(path);
  return new VarveError(
    "E_DAMAGE",
    `Cannot extract ${subject}: the tar of layer ${diffId} ends at ${actual} bytes`,
    { subject, actual, hint: "check the store with fsck" },
  );
}
