import { escapeForTerminal } from "../../../bytes/mod.ts";
import type { DiffId } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Extent, Row } from "../../../tree/mod.ts";
import { tooLarge } from "../errors.ts";
import { behindBlock, BLOCK, CHUNK_BYTES, NO_BLOCK } from "../format.ts";
import type { ReadLayer, WriteErofsOptions } from "../options.ts";
import { type ChunkPlan, planChunks } from "./plan_chunks.ts";

/** A file that is not one whole run of blocks of a layer. */
export interface SpecialFile {
  /** The layer. */
  readonly source: DiffId;
  /** Bytes of the file. */
  readonly size: number;
  /** Where they lie. */
  readonly extents: readonly Extent[];
  /** How it is cut. */
  readonly plan: ChunkPlan;
  /** Where its copies begin, in bytes from the first copy of all. */
  readonly copyAt: number;
}

/** A layer that files lie in. */
export interface Device {
  /** The layer. */
  readonly source: DiffId;
  /** Blocks of it that are used, from its beginning. */
  readonly blocks: number;
}

/** A few bytes of a layer can say that a file has a petabyte: so much in the image is always fine, … */
const COST_FREE = 2 ** 28;
/** … and so many times the data. */
const COST_FACTOR = 4;

/** The header, before the root's inode, whose number has 16 bits. */
const MAX_DEVICES = 16_000;

/** Finds the layers of a tree's files, and the files that need more than an address. */
export class FilePlanner {
  /** Those that need more than an address, by entry. */
  readonly special: Map<number, SpecialFile> = new Map<number, SpecialFile>();
  /** Bytes of content that are copied. */
  copied = 0;
  readonly #options: WriteErofsOptions;
  /** Bytes of data in special files, and what they cost the image. */
  #data = 0;
  #cost = 0;
  readonly #ends = new Map<DiffId, { end: number }>();
  #last: DiffId | undefined;
  #lastEnd: { end: number } = { end: 0 };

  /** Plans the files of one tree. */
  constructor(options: WriteErofsOptions) {
    this.#options = options;
  }

  /** The layers in the order of their diffIDs. @throws {VarveError} `E_LIMIT` */
  devices(): readonly Device[] {
    const devices = [...this.#ends].map(([source, { end }]) => ({
      source,
      blocks: Math.ceil(end / BLOCK),
    })).sort((a, b) => a.source < b.source ? -1 : 1);
    if (devices.length > MAX_DEVICES) {
      throw tooLarge(`its files lie in ${devices.length} layers, more than ${MAX_DEVICES}`);
    }
    for (const { source, blocks } of devices) {
      if (blocks >= NO_BLOCK) {
        throw tooLarge(`its files lie beyond 2 TiB of layer ${source}`, source);
      }
    }
    return devices;
  }

  /** Plans a file that is not empty; `entry` is the one with which its inode is written. */
  add(row: Row, entry: number): void {
    const { source, size, position } = row;
    if (source === undefined) {
      const subject = escapeForTerminal(row.name);
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot write EROFS image: no layer is known to have the content of ${subject}`,
        { subject },
      );
    }
    if (position >= 0 && behindBlock(position) === 0) {
      if (this.#isPadded(source, position + size)) return this.#uses(source, position + size);
    }
    const extents = row.file().locator?.extents ?? [];
    const last = extents.at(-1);
    const isPadded = last === undefined || this.#isPadded(source, last.position + last.length);
    const plan = planChunks(size, extents, isPadded);
    for (const { length } of extents) this.#data += length;
    this.#cost += plan.copied + plan.chunks * CHUNK_BYTES;
    if (this.#cost > COST_FREE + COST_FACTOR * this.#data) {
      throw tooLarge("its sparse files need too many bytes for what is in them");
    }
    const copyAt = this.copied;
    this.copied += plan.copied;
    if (plan.copied > 0) reader(this.#options);
    this.special.set(entry, { source, size, extents, plan, copyAt });
    for (const { first, count, position } of plan.runs) {
      if (position < 0) continue;
      const start = first * 2 ** plan.bits;
      this.#uses(source, position + Math.min(count * 2 ** plan.bits, size - start));
    }
  }

  #uses(source: DiffId, end: number): void {
    if (source !== this.#last) {
      let known = this.#ends.get(source);
      if (known === undefined) this.#ends.set(source, known = { end: 0 });
      this.#last = source;
      this.#lastEnd = known;
    }
    if (end > this.#lastEnd.end) this.#lastEnd.end = end;
  }

  #isPadded(source: DiffId, end: number): boolean {
    const { dirty } = this.#options;
    if (dirty === undefined || dirty.size === 0 || !dirty.has(source)) return true;
    const behind = behindBlock(end);
    if (behind === 0) return true;
    const bytes = reader(this.#options)(source, end, BLOCK - behind);
    return bytes.every((byte) => byte === 0);
  }
}

/** What reads layers. @throws {TypeError} when nothing was given */
export function reader({ read }: WriteErofsOptions): ReadLayer {
  if (read === undefined) {
    throw new TypeError("Cannot write EROFS image: content must be copied, give `read`");
  }
  return read;
}
