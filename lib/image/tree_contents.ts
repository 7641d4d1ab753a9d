import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";
import { createHasher, type DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { LayerReader } from "../store/mod.ts";
import type { FileNode } from "../tree/mod.ts";

/** Number of bytes to read in one call. */
const CHUNK = 256 * 1024;

/**
 * Reads the files of a tree from the layer tars and verifies them while it reads. It keeps the tars open; dispose to
 * close them.
 */
export class TreeContents implements Disposable {
  readonly #open: (source: DiffId) => Promise<LayerReader>;
  readonly #readers = new Map<DiffId, LayerReader>();

  /** `open` opens the tar of a layer. It is called once for each layer, when the first file of that layer is read. */
  constructor(open: (source: DiffId) => Promise<LayerReader>) {
    this.#open = open;
  }

  /**
   * Reads the bytes of a file. Holes are read as zeros.
   *
   * @throws {VarveError} `E_DIGEST` at the end, when the bytes do not match the digest in the tree
   */
  async *read(path: ByteString, node: FileNode): AsyncGenerator<Uint8Array, void, void> {
    const hasher = createHasher();
    for await (const chunk of this.#bytes(node)) {
      hasher.update(chunk);
      yield chunk;
    }
    const found = hasher.bytes();
    const isSame = node.digest === null
      ? node.size === 0
      : found.every((byte, i) => byte === node.digest?.[i]);
    if (isSame) return;
    const subject = escapeForTerminal(path);
    if (node.locator !== null) this.#readers.get(node.locator.source)?.noteDamage?.();
    throw new VarveError(
      "E_DIGEST",
      `Cannot read ${subject}: its bytes in layer ${node.locator?.source} are damaged`,
      { subject, hint: "load the image again" },
    );
  }

  async *#bytes({ locator, size }: FileNode): AsyncGenerator<Uint8Array> {
    let at = 0;
    if (locator !== null) {
      const reader = await this.#reader(locator.source);
      for (const { logical, length, position } of locator.extents) {
        yield* zeros(logical - at);
        for (let done = 0; done < length; done += CHUNK) {
          yield reader.read(position + done, Math.min(CHUNK, length - done));
        }
        at = logical + length;
      }
    }
    yield* zeros(size - at);
  }

  async #reader(source: DiffId): Promise<LayerReader> {
    let reader = this.#readers.get(source);
    if (reader === undefined) {
      reader = await this.#open(source);
      this.#readers.set(source, reader);
    }
    return reader;
  }

  /** Closes the tars. */
  [Symbol.dispose](): void {
    for (const reader of this.#readers.values()) reader[Symbol.dispose]();
    this.#readers.clear();
  }
}

const ZEROS = new Uint8Array(CHUNK);

function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= CHUNK) {
    yield left < CHUNK ? ZEROS.subarray(0, left) : ZEROS;
  }
}
