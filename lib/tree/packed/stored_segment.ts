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
 * Maximum size of the cache of blocks: 64 MiB. A full cache is emptied. A block that was in it is
 * read again when it is needed again.
 */
const CACHE_BYTES = 1 << 26;

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

/**
 * A segment that stays in its file. A block is read when it is needed, and checked before it is
 * used.
 */
export class StoredSegment implements Segment {
  readonly sources: readonly DiffId[];
  readonly imports: readonly Segment[] = [];
  readonly #source: TreeSource;
  readonly #offset: number;
  readonly #limits: CheckLimits;
  readonly #onDamage: OnDamage;
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
    const read = this.#source.readSync(this.#offset + address * 8, length);
    if (read.length !== length) damaged("the file is shorter than its stated size");
    const u8 = read.byteOffset % 4 === 0 ? read : read.slice();
    const u32 = new Uint32Array(u8.buffer, u8.byteOffset, length >>> 2);
    checkHeader(u32, 0, length);
    const block = new Block(this, u8, u32, 0);
    verifyBlock(block, ref, this.#limits);
    if (this.#cached + length > CACHE_BYTES) {
      this.#blocks.clear();
      this.#cached = 0;
    }
    this.#blocks.set(address, { block, ref });
    this.#cached += length;
    return block;
  }
}
