import type { Row } from "../../../tree/mod.ts";
import { BLOCK, DIRENT_BYTES } from "../format.ts";

const DOT = 0x2e;

/**
 * Where `.` and `..` stand among sorted names: usually first, but there are
 * names before them.
 */
export class Dots {
  /** How many of the two are told. */
  told = 0;

  /** How many stand in front of a name. Ask for all names, in order. */
  before(row: Row): number {
    if (this.told === 2) return 0;
    const { bytes, nameStart, nameLength } = row;
    const first = bytes[nameStart] as number;
    let due = 0;
    if (first > DOT) due = 2;
    else if (first === DOT) {
      // `.` is a beginning of it; `..` is one of it, or they differ in the second byte.
      due = nameLength > 1 && (bytes[nameStart + 1] as number) >= DOT ? 2 : 1;
    }
    if (due <= this.told) return 0;
    const now = due - this.told;
    this.told = due;
    return now;
  }

  /** How many stand behind all names. */
  rest(): number {
    const now = 2 - this.told;
    this.told = 2;
    return now;
  }
}

/** Counts the bytes of a directory: names never span blocks. */
export class DirectorySize {
  readonly #dots = new Dots();
  #blocks = 0;
  #used = 0;

  /** Adds an entry; they come in order. */
  add(row: Row): void {
    if (this.#dots.told < 2) this.#addDots(this.#dots.before(row));
    this.#add(row.nameLength);
  }

  /** Ends the directory and tells its size. */
  end(): number {
    this.#addDots(this.#dots.rest());
    return this.#blocks * BLOCK + this.#used;
  }

  #addDots(due: number): void {
    for (; due > 0; due--) this.#add(this.#dots.told - due + 1);
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
const MOST = Math.ceil(BLOCK / DIRENT_BYTES);

/** Encodes the entries of one directory after another. */
export class DirentEncoder {
  /** The content of the directory; {@linkcode size} bytes of it count. */
  bytes: Uint8Array = new Uint8Array(16 * BLOCK);
  /** Bytes; the last block has only those that are used. */
  size = 0;
  #view = new DataView(this.bytes.buffer);
  /** Where the names of this block are: they stand behind all of its entries, so they are copied last. */
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

  /** Adds an entry. `names` must stay as they are until {@linkcode end}. */
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
