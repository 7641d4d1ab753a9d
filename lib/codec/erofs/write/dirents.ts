import type { Row } from "../../../tree/mod.ts";
import { BLOCK, DIRENT_BYTES } from "../format.ts";

const DOT = 0x2e;

/**
 * Finds the places of `.` and `..` among sorted names. They are usually first, but some bytes sort
 * before a dot.
 */
export class Dots {
  /** Number of dots (`.` and `..`) that were placed so far. */
  placed = 0;

  /** Number of dots that come directly before a name. Call it for all names, in order. */
  before(row: Row): number {
    if (this.placed === 2) return 0;
    const { bytes, nameStart, nameLength } = row;
    const first = bytes[nameStart] as number;
    let due = 0;
    if (first > DOT) due = 2;
    else if (first === DOT) {
      // The name begins with a dot, so `.` comes before it. `..` comes before it too, unless the
      // second byte of the name is less than a dot.
      due = nameLength > 1 && (bytes[nameStart + 1] as number) >= DOT ? 2 : 1;
    }
    if (due <= this.placed) return 0;
    const now = due - this.placed;
    this.placed = due;
    return now;
  }

  /** Number of dots that come after all names. */
  rest(): number {
    const now = 2 - this.placed;
    this.placed = 2;
    return now;
  }
}

/** Computes the size of a directory in bytes. A name never spans two blocks. */
export class DirectorySize {
  readonly #dots = new Dots();
  #blocks = 0;
  #used = 0;

  /** Adds an entry. Entries must come in order. */
  add(row: Row): void {
    if (this.#dots.placed < 2) this.#addDots(this.#dots.before(row));
    this.#add(row.nameLength);
  }

  /** Ends the directory. Returns its size in bytes. */
  end(): number {
    this.#addDots(this.#dots.rest());
    return this.#blocks * BLOCK + this.#used;
  }

  #addDots(due: number): void {
    for (; due > 0; due--) this.#add(this.#dots.placed - due + 1);
  }

  #add(length: number): void {
    const bytes = DIRENT_BYTES + length;
    if (this.#used + bytes > BLOCK) {
      this.#blocks++;
      this.#used = 0;
    }
    this.#used += bytes;
  }
}

const DOTS = new Uint8Array([DOT, DOT]);
/** Maximum number of entries in a block. */
const MOST = Math.ceil(BLOCK / DIRENT_BYTES);

/** Encodes the entries of one directory after another. */
export class DirentEncoder {
  /** The encoded directory: the first {@linkcode size} bytes. */
  bytes: Uint8Array = new Uint8Array(16 * BLOCK);
  /** Size of the directory in bytes, with only the used part of its last block. */
  size = 0;
  #view = new DataView(this.bytes.buffer);
  /**
   * The buffers that hold the names of the current block. Names come after all entries of a block,
   * so they are copied last.
   */
  readonly #names: Uint8Array[] = [];
  readonly #starts = new Float64Array(MOST);
  readonly #nids = new Uint32Array(MOST);
  readonly #ends = new Uint32Array(MOST);
  readonly #types = new Uint8Array(MOST);
  #count = 0;
  #used = 0;

  /** Begins a directory. */
  begin(): void {
    this.size = 0;
  }

  /**
   * Adds an entry, with `length` bytes of `names` as its name. `names` must not change until
   * {@linkcode end}.
   */
  add(nid: number, type: number, names: Uint8Array, start: number, length: number): void {
    if ((this.#count + 1) * DIRENT_BYTES + this.#used + length > BLOCK) {
      this.#flush();
      this.size = Math.ceil(this.size / BLOCK) * BLOCK;
    }
    const i = this.#count++;
    this.#names[i] = names;
    this.#starts[i] = start;
    this.#used += length;
    this.#nids[i] = nid;
    this.#types[i] = type;
    this.#ends[i] = this.#used;
  }

  /** Adds `.` or `..`. */
  addDots(nid: number, type: number, length: number): void {
    this.add(nid, type, DOTS, 0, length);
  }

  /** Ends the directory. */
  end(): void {
    this.#flush();
  }

  #flush(): void {
    const start = this.size;
    if (start + BLOCK > this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 4);
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    const { bytes } = this;
    const view = this.#view;
    const count = this.#count;
    let to = start + count * DIRENT_BYTES;
    let used = 0;
    for (let i = 0; i < count; i++) {
      const at = start + i * DIRENT_BYTES;
      view.setUint32(at, this.#nids[i] as number, true);
      view.setUint32(at + 4, 0, true);
      view.setUint16(at + 8, to - start, true);
      bytes[at + 10] = this.#types[i] as number;
      bytes[at + 11] = 0;
      const names = this.#names[i] as Uint8Array;
      const end = this.#ends[i] as number;
      for (let from = this.#starts[i] as number; used < end; used++) {
        bytes[to++] = names[from++] as number;
      }
    }
    this.size = to;
    bytes.fill(0, this.size, start + BLOCK);
    this.#count = this.#used = 0;
  }
}
