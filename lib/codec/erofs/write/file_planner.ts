import { escapeForTerminal } from "../../../bytes/mod.ts";
import type { DiffId } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Extent, Row } from "../../../tree/mod.ts";
import { tooLarge } from "../errors.ts";
import { BLOCK, CHUNK_BYTES, NO_BLOCK, offsetInBlock } from "../format.ts";
import type { ReadLayer, WriteErofsOptions } from "../options.ts";
import { type ChunkPlan, planChunks } from "./plan_chunks.ts";

/**
 * A file that is not one run of whole blocks of a layer: it is sparse, not aligned, or has dirty
 * padding.
 */
export interface SpecialFile {
  /** The layer whose tar holds the content. */
  readonly source: DiffId;
  /** Size of the file in bytes. */
  readonly size: number;
  /** Where the content lies in the tar. */
  readonly extents: readonly Extent[];
  /** How the file is cut into chunks. */
  readonly plan: ChunkPlan;
  /** Offset of its copied content, in bytes from the start of all copied content. */
  readonly copyAt: number;
}

/** A layer that holds the content of files. */
export interface Device {
  /** The layer whose tar is the device. */
  readonly source: DiffId;
  /** Number of blocks of the tar that are needed, from its beginning. */
  readonly blocks: number;
}

/**
 * Number of bytes that the chunk arrays and copies of all special files may always need: 256 MiB.
 * There is a limit because a few bytes of a layer can describe a sparse file of a petabyte, whose
 * chunks would fill the image.
 */
const COST_FREE = 2 ** 28;
/** Number of bytes by which each byte of data in the special files raises this limit. */
const COST_FACTOR = 4;

/**
 * Maximum number of devices. The device table comes before the root inode, whose number has only 16
 * bits.
 */
const MAX_DEVICES = 16_000;

/**
 * Collects the layers of a tree's files, and plans the files that are not one aligned run of a
 * layer.
 */
export class FilePlanner {
  /** The planned files, by entry. */
  readonly special: Map<number, SpecialFile> = new Map<number, SpecialFile>();
  /** Number of content bytes that are copied into the image. */
  copied = 0;
  readonly #options: WriteErofsOptions;
  /** Number of bytes of data in the planned files, without holes. */
  #data = 0;
  /** Number of bytes that the planned files need in the image. */
  #cost = 0;
  readonly #ends = new Map<DiffId, { end: number }>();
  #last: DiffId | undefined;
  #lastEnd: { end: number } = { end: 0 };

  /** Makes a planner for the files of one tree. */
  constructor(options: WriteErofsOptions) {
    this.#options = options;
  }

  /**
   * The devices, sorted by diffID.
   *
   * @throws {VarveError} `E_LIMIT` when there are too many devices, or a device is too large
   */
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

  /** Adds a file that is not empty. `entry` is the number of the entry that has its inode. */
  add(row: Row, entry: number): void {
    const { source, size, position } = row;
    if (source === undefined) {
      const subject = escapeForTerminal(row.name);
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot write EROFS image: the layer that holds the content of ${subject} is not known`,
        { subject },
      );
    }
    if (position >= 0 && offsetInBlock(position) === 0) {
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
    const used = offsetInBlock(end);
    if (used === 0) return true;
    const bytes = reader(this.#options)(source, end, BLOCK - used);
    return bytes.length === BLOCK - used && bytes.every((byte) => byte === 0);
  }
}

/**
 * The function that reads layers.
 *
 * @throws {TypeError} when the options have no such function
 */
export function reader({ read }: WriteErofsOptions): ReadLayer {
  if (read === undefined) {
    throw new TypeError("Cannot write EROFS image: content must be copied, and `read` is missing");
  }
  return read;
}
