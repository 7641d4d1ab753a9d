import { type ByteString, escapeForTerminal, zeros } from "../../bytes/mod.ts";
import { createHasher, type DiffId, sha256Bytes } from "../../digest/mod.ts";
import { type ErrorCode, type ErrorDetails, VarveError } from "../../errors.ts";
import { CWD, type Fd, Open, openAt, readFully, truncateFd, writeFd } from "../../linux/mod.ts";
import type { FileNode, Locator } from "../../tree/mod.ts";
import { DescriptorCache } from "./descriptor_cache.ts";

/** Maximum number of tars that are open at once. An image may have 500 layers. */
const KEPT = 24;

/** Bytes that are read, hashed and written at once. A file of at most this size takes one call of each. */
const PIECE = 1024 * 1024;

/** Bytes of content between two calls of the checkpoint: some milliseconds of work. */
const CHECKPOINT = 8 * PIECE;

const HINT = "load or pull the image again: that repairs it";

/**
 * The layer tars from which the content of files is copied.
 *
 * The bytes that are written are the bytes that were hashed: they pass through a buffer. The kernel could copy them
 * itself (copy_file_range(2)), but then a tar that changes between hash and copy would not be noticed.
 */
export class LayerTars implements Disposable {
  readonly #paths: ReadonlyMap<DiffId, ByteString>;
  readonly #cache = new DescriptorCache<DiffId>(KEPT);
  readonly #checkpoint: () => void;
  readonly #buffer = new Uint8Array(PIECE);
  #sinceCheckpoint = 0;

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
   * Fills a new, empty file and verifies its content. Holes stay holes.
   *
   * @returns number of bytes that were copied
   * @throws {VarveError} `E_MISSING` the layer tar is missing · `E_DAMAGE` it is shorter than the
   * tree says · `E_DIGEST` its bytes do not match the digest in the tree. The layer is the subject of
   * the cause of the last two
   */
  fill(file: Fd, node: FileNode, path: ByteString): number {
    if (node.size === 0) return 0;
    const { locator, size } = node;
    if (locator === null) throw missing(path, "the tree does not say where its content lies");
    const source = this.#cache.get(locator.source, (diffId) => this.#open(diffId, path));
    checkExtents(locator, size, path);
    const [first, ...more] = locator.extents;
    if (first !== undefined && more.length === 0 && first.length === size && size <= PIECE) {
      // Most files are small. A hash in one call is faster, and wrong bytes are never written.
      const bytes = this.#read(source, locator, first.position, size, path);
      check(sha256Bytes(bytes), node, locator, path);
      writeFd(file, bytes, 0);
      return size;
    }
    return this.#stream(file, source, node, locator, path);
  }

  /** Fills a file piece by piece. */
  #stream(file: Fd, source: Fd, node: FileNode, locator: Locator, path: ByteString): number {
    const hasher = createHasher();
    const skip = (length: number) => {
      for (const piece of zeros(length)) {
        this.#count(piece.length);
        hasher.update(piece);
      }
    };
    let end = 0, copied = 0;
    for (const { logical, length, position } of locator.extents) {
      skip(logical - end);
      for (let done = 0; done < length;) {
        const room = Math.min(PIECE, length - done);
        this.#count(room);
        const bytes = this.#read(source, locator, position + done, room, path);
        hasher.update(bytes);
        writeFd(file, bytes, logical + done);
        done += room;
      }
      copied += length;
      end = logical + length;
    }
    skip(node.size - end);
    check(hasher.bytes(), node, locator, path);
    if (end < node.size) truncateFd(file, node.size);
    return copied;
  }

  /** Reads a part of a tar into the buffer. */
  #read(
    source: Fd,
    locator: Locator,
    position: number,
    length: number,
    path: ByteString,
  ): Uint8Array {
    const bytes = this.#buffer.subarray(0, length);
    const count = readFully(source, bytes, position);
    if (count === length) return bytes;
    const actual = position + count;
    const state = `the tar of layer ${locator.source} ends at ${actual} bytes`;
    throw damaged("E_DAMAGE", path, locator, state, { actual });
  }

  #count(length: number): void {
    this.#sinceCheckpoint += length;
    if (this.#sinceCheckpoint < CHECKPOINT) return;
    this.#sinceCheckpoint = 0;
    this.#checkpoint();
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

/** Checks that extents follow each other and do not go beyond the end of the file. */
function checkExtents({ extents }: Locator, size: number, path: ByteString): void {
  let end = 0;
  for (const { logical, length } of extents) {
    if (logical < end || logical + length > size) {
      throw new VarveError(
        "E_DAMAGE",
        `Cannot extract ${escapeForTerminal(path)}: its extents do not fit its size`,
        { subject: escapeForTerminal(path), expected: size, actual: logical + length },
      );
    }
    end = logical + length;
  }
}

/** Compares the hash of the content with the digest in the tree. */
function check(
  found: Uint8Array,
  { digest }: FileNode,
  locator: Locator,
  path: ByteString,
): void {
  if (digest !== null && found.every((byte, i) => byte === digest[i])) return;
  throw damaged("E_DIGEST", path, locator, `its bytes in layer ${locator.source} are damaged`);
}

function missing(path: ByteString, state: string): VarveError {
  const subject = escapeForTerminal(path);
  return new VarveError("E_MISSING", `Cannot extract ${subject}: ${state}`, { subject });
}

/** The error for a damaged tar. Its cause names the layer, so that the store can note the damage. */
function damaged(
  code: ErrorCode,
  path: ByteString,
  { source }: Locator,
  state: string,
  more: ErrorDetails = {},
): VarveError {
  const subject = escapeForTerminal(path);
  const cause = new VarveError(code, `Cannot read layer ${source}: its tar is damaged`, {
    subject: source,
  });
  const details = { ...more, subject, hint: HINT };
  return new VarveError(code, `Cannot extract ${subject}: ${state}`, details, { cause });
}
