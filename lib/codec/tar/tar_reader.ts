import { VarveError } from "../../errors.ts";
import type { Entry } from "../../layer/mod.ts";
import { EntryAssembler, type Step } from "./entry_assembler.ts";
import { BLOCK, tarPadding } from "./format.ts";
import { sumBlock } from "./header_words.ts";
import { limitError, resolveTarLimits, type TarLimits } from "./limits.ts";
import { tarError } from "./parse_header.ts";
import type { TarHandler } from "./tar_handler.ts";

/** Options of a {@linkcode TarReader}. */
export interface TarReaderOptions {
  /** Limits that differ from {@linkcode DEFAULT_TAR_LIMITS}. */
  readonly limits?: Partial<TarLimits> | undefined;
}

/** The part that the next bytes of the archive belong to. */
type State = "header" | "map" | "meta" | "body" | "padding" | "end" | "closed";

/**
 * Reads a tar archive from chunks of any size and calls a {@linkcode TarHandler} for its entries.
 * The size of the chunks does not change the entries; only the pieces of `data` depend on it.
 *
 * It reads ustar, PAX, GNU and star archives: long names, base-256 numbers, the four sparse
 * formats, xattrs. If readers disagree, it follows Go's archive/tar, which all container engines
 * use. Paths, owners and modes are not checked here; `LayerBuilder` of `./layer` checks them.
 * Global PAX headers are parsed but have no effect. Bytes after the end mark are counted but
 * ignored.
 *
 * After an error of the reader or the handler, the reader takes no more bytes.
 *
 * @example
 * ```ts
 * import { TarReader } from "@varve/varve/tar";
 *
 * const names: string[] = [];
 * const reader = new TarReader({
 *   entry: (entry) => names.push(entry.path),
 *   hole: () => {},
 *   endEntry: () => {},
 * });
 * reader.push(new Uint8Array(1024)); // two zero blocks: an empty archive
 * reader.end();
 * if (names.length !== 0) throw new Error("an empty archive has no entries");
 * ```
 */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #wantsData: boolean;
  readonly #watchesPadding: boolean;
  readonly #limits: TarLimits;
  readonly #assembler: EntryAssembler;
  #state: State = "header";
  #failed = false;
  #position = 0;
  #sawZeroBlock = false;

  /** Collects a block that comes in pieces, or that is not aligned to words. */
  readonly #held: Uint8Array<ArrayBuffer> = new Uint8Array(BLOCK);
  readonly #heldWords: Uint32Array = new Uint32Array(this.#held.buffer);
  #heldLength = 0;
  /** Collects the body of a meta header that comes in pieces. */
  #metaBody: Uint8Array | undefined;
  #metaLength = 0;
  /** The buffer of the current chunk as words, kept because most chunks are views of one buffer. */
  #words: Uint32Array = this.#heldWords;
  /** The chunk that {@linkcode #words} fits; `undefined` for none. */
  #wordsChunk: Uint8Array | undefined;

  /** The entry whose body is being read. */
  #entry: Entry | undefined;
  #nextExtent = 0;
  /** Number of bytes of the content that were delivered so far, including holes. */
  #delivered = 0;
  /** Number of bytes of the current run of data that still have to come. */
  #left = 0;
  #paddingLeft = 0;
  /** Whether the padding follows an entry; otherwise it follows a meta header. */
  #padsEntry = false;
  #endsInPadding = false;
  #watchPadding = false;

  /**
   * Makes a reader.
   *
   * @throws {RangeError} when a limit is not a safe integer of at least 0
   */
  constructor(handler: TarHandler, options: TarReaderOptions = {}) {
    this.#handler = handler;
    this.#wantsData = handler.data !== undefined;
    this.#watchesPadding = handler.dirtyPadding !== undefined;
    this.#limits = resolveTarLimits(options.limits);
    this.#assembler = new EntryAssembler(this.#limits);
  }

  /** Number of bytes read so far, including bytes after the end mark. */
  get position(): number {
    return this.#position;
  }

  /** Number of entries read so far. */
  get entries(): number {
    return this.#assembler.count;
  }

  /** Whether the end mark (two zero blocks) was read. An archive may end without it. */
  get sawEndMark(): boolean {
    return this.#state === "end";
  }

  /**
   * Whether the ended archive lacks a part of the padding after its last entry. Writers that are
   * never closed make such archives. All content is there, and Go's archive/tar reads them too.
   */
  get endsInPadding(): boolean {
    return this.#endsInPadding;
  }

  /**
   * Reads the next chunk, of any size. Its bytes are not kept after the call.
   *
   * @throws {VarveError} `E_HEADER`, `E_TYPE`, `E_ID`, `E_TIME`, `E_XATTR`,
   *   `E_NAME_TOO_LONG` or `E_LIMIT` when the archive is malformed or too large
   * @throws {TypeError} when the reader has failed or ended
   */
  push(chunk: Uint8Array): void {
    this.#assertUsable();
    this.#failed = true;
    const { layerBytes } = this.#limits;
    if (this.#position + chunk.length > layerBytes) {
      throw limitError("layerBytes", "the archive", layerBytes);
    }
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
    this.#wordsChunk = undefined;
    this.#failed = false;
  }

  /**
   * Number of content bytes that {@linkcode TarReader.skip} may skip now; 0 outside a body. Use it
   * when the archive is a file in which the caller can seek.
   */
  get skippable(): number {
    return this.#state === "body" ? this.#left : 0;
  }

  /**
   * Skips content without reading it. The handler receives no `data` for it.
   *
   * @throws {RangeError} when `length` is more than {@linkcode TarReader.skippable}
   * @throws {TypeError} when the reader has failed or ended
   */
  skip(length: number): void {
    this.#assertUsable();
    if (!(length >= 0 && length <= this.skippable)) {
      throw new RangeError(
        `Cannot skip ${length} bytes: ${this.skippable} bytes of content follow`,
      );
    }
    if (length === 0) return;
    this.#failed = true;
    this.#position += length;
    this.#left -= length;
    this.#delivered += length;
    if (this.#left === 0) this.#nextRun(this.#entry as Entry);
    this.#failed = false;
  }

  /**
   * Ends the archive. Call it after the last bytes. The padding after the last entry may be missing:
   * see {@linkcode TarReader.endsInPadding}.
   *
   * @throws {VarveError} `E_TRUNCATED` when an entry or a header is incomplete
   * @throws {TypeError} when the reader has failed or ended
   */
  end(): void {
    this.#assertUsable();
    this.#endsInPadding = this.#state === "padding" && this.#padsEntry;
    const whole = this.#state === "end" || this.#endsInPadding ||
      (this.#state === "header" && this.#heldLength === 0);
    if (!whole) {
      this.#failed = true;
      throw new VarveError(
        "E_TRUNCATED",
        `Cannot read tar archive: it is truncated after ${this.#position} bytes, in ${
          STATE_NAMES[this.#state]
        }`,
      );
    }
    this.#state = "closed";
  }

  #assertUsable(): void {
    if (this.#failed || this.#state === "closed") {
      throw new TypeError("Cannot read tar archive: the reader has failed or ended");
    }
  }

  /** Reads the bytes that belong to the current state. Returns the index after them. */
  #step(chunk: Uint8Array, at: number): number {
    const available = chunk.length - at;
    switch (this.#state) {
      case "body":
        return this.#body(chunk, at, Math.min(this.#left, available));
      case "padding":
        return this.#padding(chunk, at, Math.min(this.#paddingLeft, available));
      case "meta":
        return this.#meta(chunk, at, available);
      case "end":
        this.#position += available;
        return chunk.length;
      default:
        return this.#block(chunk, at, available);
    }
  }

  /**
   * Reads a block. A whole, aligned block is parsed in place; any other block is collected first.
   */
  #block(chunk: Uint8Array, at: number, available: number): number {
    if (available >= BLOCK && this.#heldLength === 0 && (chunk.byteOffset + at) % 4 === 0) {
      this.#position += BLOCK;
      const entry = this.#state === "map"
        ? this.#map(chunk, at)
        : this.#header(chunk, at, this.#wordsOf(chunk));
      if (entry !== undefined && this.#isWhole(entry, available - BLOCK)) {
        return this.#whole(entry, chunk, at + BLOCK);
      }
      if (entry !== undefined) this.#begin(entry);
      return at + BLOCK;
    }
    const length = Math.min(BLOCK - this.#heldLength, available);
    this.#held.set(chunk.subarray(at, at + length), this.#heldLength);
    this.#heldLength += length;
    this.#position += length;
    if (this.#heldLength === BLOCK) {
      this.#heldLength = 0;
      const entry = this.#state === "map"
        ? this.#map(this.#held, 0)
        : this.#header(this.#held, 0, this.#heldWords);
      if (entry !== undefined) this.#begin(entry);
    }
    return at + length;
  }

  /** The buffer of a chunk as words. It is called for each header, so the last result is kept. */
  #wordsOf(chunk: Uint8Array): Uint32Array {
    if (this.#wordsChunk === chunk) return this.#words;
    const { buffer, byteOffset, length } = chunk;
    if (this.#words.buffer !== buffer || this.#words.byteLength < byteOffset + length - 3) {
      this.#words = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    }
    this.#wordsChunk = chunk;
    return this.#words;
  }

  /** Parses a header. Returns the entry whose body begins after the header, or `undefined`. */
  #header(block: Uint8Array, at: number, words: Uint32Array): Entry | undefined {
    const word = (block.byteOffset + at) / 4;
    const sum = sumBlock(words, word);
    if (sum === 0) {
      if (this.#sawZeroBlock) this.#state = "end";
      this.#sawZeroBlock = true;
      return undefined;
    }
    if (this.#sawZeroBlock) {
      throw tarError(this.#position - BLOCK, "it follows a single block of zeros");
    }
    return this.#follow(this.#assembler.header(block, at, words, word, sum, this.#position));
  }

  #map(block: Uint8Array, at: number): Entry | undefined {
    return this.#follow(this.#assembler.map(block, at, this.#position));
  }

  #follow(step: Step): Entry | undefined {
    if (typeof step !== "string") return step;
    this.#state = step;
    if (step === "meta" && this.#assembler.metaSize === 0) this.#endMeta(this.#held, 0);
    return undefined;
  }

  /** Whether the next bytes hold the whole body of an entry and its padding, without holes. */
  #isWhole({ size, extents }: Entry, available: number): boolean {
    const { stored } = this.#assembler;
    return stored === size && stored + tarPadding(stored) <= available &&
      (size === 0 || extents[0]?.length === size);
  }

  /**
   * Delivers an entry whose whole body is in the chunk, with the same calls as `#begin` and the
   * following steps.
   */
  #whole(entry: Entry, chunk: Uint8Array, at: number): number {
    const { size } = entry;
    const end = at + size;
    this.#handler.entry(entry);
    this.#position += size;
    if (size > 0 && this.#wantsData) this.#handler.data?.(chunk.subarray(at, end));
    this.#endEntry();
    return this.#state === "header" ? end : this.#padding(chunk, end, this.#paddingLeft);
  }

  #begin(entry: Entry): void {
    this.#entry = entry;
    this.#nextExtent = 0;
    this.#delivered = 0;
    this.#handler.entry(entry);
    this.#nextRun(entry);
  }

  #meta(chunk: Uint8Array, at: number, available: number): number {
    const { metaSize } = this.#assembler;
    const length = Math.min(metaSize - this.#metaLength, available);
    this.#position += length;
    if (length === metaSize) {
      this.#endMeta(chunk, at);
    } else {
      this.#metaBody ??= new Uint8Array(metaSize);
      this.#metaBody.set(chunk.subarray(at, at + length), this.#metaLength);
      this.#metaLength += length;
      if (this.#metaLength === metaSize) this.#endMeta(this.#metaBody, 0);
    }
    return at + length;
  }

  #endMeta(bytes: Uint8Array, start: number): void {
    this.#metaBody = undefined;
    this.#metaLength = 0;
    this.#assembler.meta(bytes, start);
    this.#padsEntry = false;
    this.#beginPadding(this.#assembler.metaSize, false);
  }

  #body(chunk: Uint8Array, at: number, length: number): number {
    this.#position += length;
    this.#left -= length;
    this.#delivered += length;
    if (this.#wantsData) {
      this.#handler.data?.(length === chunk.length ? chunk : chunk.subarray(at, at + length));
    }
    if (this.#left === 0) this.#nextRun(this.#entry as Entry);
    return at + length;
  }

  /**
   * Delivers the hole before the next run of data, then begins the run. Ends the entry when there
   * is no further run.
   */
  #nextRun(entry: Entry): void {
    const extent = entry.extents[this.#nextExtent++];
    const hole = (extent === undefined ? entry.size : extent.logical) - this.#delivered;
    if (hole > 0) {
      this.#delivered += hole;
      this.#handler.hole(hole);
    }
    if (extent !== undefined) {
      this.#left = extent.length;
      this.#state = "body";
      return;
    }
    this.#entry = undefined;
    this.#endEntry();
  }

  #endEntry(): void {
    this.#padsEntry = true;
    this.#beginPadding(this.#assembler.stored, this.#watchesPadding);
    this.#handler.endEntry();
  }

  #beginPadding(size: number, watch: boolean): void {
    this.#paddingLeft = tarPadding(size);
    this.#watchPadding = watch;
    this.#state = this.#paddingLeft === 0 ? "header" : "padding";
  }

  #padding(chunk: Uint8Array, at: number, length: number): number {
    this.#position += length;
    this.#paddingLeft -= length;
    const end = at + length;
    for (let i = at; this.#watchPadding && i < end; i++) {
      if (chunk[i] === 0) continue;
      this.#watchPadding = false;
      this.#handler.dirtyPadding?.();
    }
    if (this.#paddingLeft === 0) this.#state = "header";
    return end;
  }
}

const STATE_NAMES: Readonly<Record<State, string>> = {
  header: "a header",
  map: "a sparse map",
  meta: "a meta header",
  body: "the content of a file",
  padding: "the padding of a meta header",
  end: "the end mark",
  closed: "nothing",
};
