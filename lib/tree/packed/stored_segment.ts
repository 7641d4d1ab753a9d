import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { TreeKind } from "../tree.ts";
import { Block, type BlockRef, type Segment } from "./block.ts";
import { hashWords } from "./block_writer.ts";
import { checkBlock, checkHeader } from "./check_block.ts";
import type { CheckLimits } from "./check_row.ts";
import { damaged } from "./damaged.ts";
import { HEADER_WORDS } from "./format.ts";

/** Random access to the bytes of a stored tree. */
export interface TreeSource {
  /** Length of the stored tree in bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`. The returned bytes must not change afterwards. */
  readSync(offset: number, length: number): Uint8Array;
}

/**
 * Takes an error about damage in a stored tree (`E_FORMAT` or `E_DIGEST`), and returns the error to
 * throw in its place.
 */
export type OnDamage = (error: VarveError) => VarveError;

/** Calls `act`. An error about damage (`E_FORMAT`, `E_DIGEST`) is replaced by means of `onDamage`. */
export function withDamage<T>(onDamage: OnDamage, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    throw error.code === "E_FORMAT" || error.code === "E_DIGEST" ? onDamage(error) : error;
  }
}

/**
 * Maximum size of the cache of pages and blocks: 64 MiB. A full cache is emptied. A block that was
 * in it is read again when it is needed again.
 */
const CACHE_BYTES = 1 << 26;

/**
 * Number of bytes that are read at once: 8 KiB. Most blocks have some hundred bytes, and a buffer
 * of its own for each would take several times that. Few blocks cross the end of a page.
 */
const PAGE_BYTES = 1 << 13;

/** Estimated memory of the objects of a cached block, without its bytes. */
const BLOCK_OBJECTS = 256;

/** Reused for every hash, because a tree has very many blocks. */
const HASH = new Uint32Array(8);

/**
 * Checks the form of a block, and its hash against the reference to it.
 *
 * @throws {VarveError} `E_FORMAT` when the form is wrong, `E_DIGEST` when the hash differs
 */
export function verifyBlock(block: Block, ref: BlockRef, limits: CheckLimits): void {
  checkBlock(block, ref, limits);
  const first = (block.at + HEADER_WORDS) * 4;
  const hashed = block.u32[block.at + 1] as number;
  hashWords(block.u8.subarray(first, first + hashed), HASH, 0);
  for (let i = 0; i < 8; i++) {
    if (HASH[i] !== ref.digest[ref.digestAt + i]) {
      throw new VarveError("E_DIGEST", "Cannot read tree: the hash of a directory differs", {
        hint: "derive the tree from its layer again",
      });
    }
  }
}

/** Bytes of a stored tree, as bytes and as words. */
interface Words {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
}

/**
 * A segment that stays in its file. A block is read when it is needed, with others in its page, and
 * checked before it is used.
 */
export class StoredSegment implements Segment {
  readonly sources: readonly DiffId[];
  readonly imports: readonly Segment[] = [];
  readonly #source: TreeSource;
  readonly #offset: number;
  readonly #limits: CheckLimits;
  readonly #onDamage: OnDamage;
  readonly #pages = new Map<number, Words>();
  readonly #blocks = new Map<number, { block: Block; ref: BlockRef }>();
  #cached = 0;

  /** The pages of the segment are the `bytes` bytes of `source` from `offset` on. */
  constructor(
    kind: TreeKind,
    sources: readonly DiffId[],
    source: TreeSource,
    offset: number,
    bytes: number,
    onDamage: OnDamage,
  ) {
    this.#onDamage = onDamage;
    this.sources = sources;
    this.#source = source;
    this.#offset = offset;
    this.#limits = { kind, segment: this, units: Math.floor(bytes / 8) };
  }

  get bytes(): number {
    return this.#cached;
  }

  load(ref: BlockRef): Block {
    return withDamage(this.#onDamage, () => this.#load(ref));
  }

  #load(ref: BlockRef): Block {
    const known = this.#blocks.get(ref.address);
    if (known !== undefined && known.block.length === ref.length) {
      // Every reference must agree with the block, not only the first. Otherwise a hostile file
      // could give the same block two digests.
      if (known.ref !== ref && (known.ref.parent !== ref.parent || known.ref.row !== ref.row)) {
        verifyBlock(known.block, ref, this.#limits);
      }
      return known.block;
    }
    const { address, length } = ref;
    if (address + Math.ceil(length / 8) > this.#limits.units) {
      damaged("an address is outside of the tree");
    }
    // The page adds its own bytes to the cache.
    if (this.#cached > CACHE_BYTES) this.#clear();
    const start = address * 8;
    const from = start - start % PAGE_BYTES;
    const isInPage = start + length <= from + PAGE_BYTES;
    const page = isInPage ? this.#page(from) : this.#read(start, length);
    const at = isInPage ? (start - from) / 4 : 0;
    checkHeader(page.u32, at, length);
    const block = new Block(this, page.u8, page.u32, at);
    verifyBlock(block, ref, this.#limits);
    this.#blocks.set(address, { block, ref });
    this.#cached += BLOCK_OBJECTS;
    return block;
  }

  /** The page that begins at a position. */
  #page(from: number): Words {
    let page = this.#pages.get(from);
    if (page === undefined) {
      page = this.#read(from, Math.min(PAGE_BYTES, this.#limits.units * 8 - from));
      this.#pages.set(from, page);
    }
    return page;
  }

  #read(start: number, length: number): Words {
    const read = this.#source.readSync(this.#offset + start, length);
    if (read.length !== length) damaged("the file is shorter than its stated size");
    const u8 = read.byteOffset % 4 === 0 ? read : read.slice();
    this.#cached += length;
    return { u8, u32: new Uint32Array(u8.buffer, u8.byteOffset, length >>> 2) };
  }

  #clear(): void {
    this.#pages.clear();
    this.#blocks.clear();
    this.#cached = 0;
  }
}
