import type { ByteString } from "../../bytes/mod.ts";
import { Arena, type Page } from "../packed/arena.ts";
import { compareNames, HASH_PRIME, HASH_SEED, R_NAME, wordsOf } from "../packed/format.ts";

/** Words of a record: the ten of a row (the first holds the address of the heap part), then these. */
const RECORD_SHIFT = 4;
const RECORDS_SHIFT = 14;
const RECORDS_MASK = (1 << RECORDS_SHIFT) - 1;

/** Record: address in the arena: words of the part (name not counted), name, digest, link target, xattrs, group. */
export const L_HEAP = 0;
/** Record: the directory. */
export const L_PARENT = 10;
/** Record: hash of the name. */
const L_HASH = 11;
/** Record: the record that has the attributes; another one's for a hard link. */
export const L_INODE = 12;
/** Record: the side of a file (extents by their address in the arena), or where the result of a packed directory is. */
export const L_SIDE = 13;
/** Record of a directory: what became of it since names came, as `OpenDirectories` has it. */
export const L_STATE = 14;
/** Record of a directory: names that were packed with it when it was left. */
export const L_PACKED = 15;

/** Flag: was removed or replaced. */
export const L_DEAD: number = 1 << 11;
/** Flag: the digest of a file's content was not told yet. */
export const L_NO_DIGEST: number = 1 << 12;
/** In the source of a side: the layer that `finish` names. */
export const OWN_SOURCE = 0x7fff_ffff;

const FIRST_TABLE = 1 << 10;

/** NodeRecords of names in directories, found by directory and name. Nothing of it is on the JS heap. */
export class RecordLog {
  /** Names, digests and the rest. */
  readonly arena: Arena = new Arena();
  readonly #pages: Uint32Array<ArrayBuffer>[] = [];
  /** NodeRecords. */
  length = 0;
  #table: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_TABLE);
  #filled = 0;
  /** Where {@linkcode find} ended: what it found or where it would be. */
  #slot = 0;
  #hash = 0;

  /** The buffer of a record. */
  words(id: number): Uint32Array {
    return this.#pages[id >>> RECORDS_SHIFT] as Uint32Array;
  }

  /** The first word of a record in its buffer. */
  at(id: number): number {
    return (id & RECORDS_MASK) << RECORD_SHIFT;
  }

  /** One word of a record. */
  get(id: number, word: number): number {
    return (this.#pages[id >>> RECORDS_SHIFT] as Uint32Array)[this.at(id) + word] as number;
  }

  /** Sets one word of a record. */
  set(id: number, word: number, value: number): void {
    (this.#pages[id >>> RECORDS_SHIFT] as Uint32Array)[this.at(id) + word] = value;
  }

  /** Flags of a record. */
  flags(id: number): number {
    return this.get(id, R_NAME) >>> 16;
  }

  /** Finds a name in a directory: its record, or −1. The place is kept for {@linkcode insert}. */
  find(directory: number, name: ByteString): number {
    let hash = HASH_SEED;
    for (let i = 0; i < name.length; i++) {
      hash = Math.imul(hash ^ name.charCodeAt(i), HASH_PRIME);
    }
    hash >>>= 0;
    this.#hash = hash;
    const table = this.#table;
    const mask = table.length - 1;
    let slot = place(hash, directory) & mask;
    for (;;) {
      const id = table[slot] as number;
      if (id === 0) {
        this.#slot = slot;
        return -1;
      }
      const words = this.words(id);
      const at = this.at(id);
      if (
        words[at + L_HASH] === hash && words[at + L_PARENT] === directory &&
        this.#hasName(words[at + L_HEAP] as number, (words[at + R_NAME] as number) & 0xffff, name)
      ) {
        this.#slot = slot;
        return id;
      }
      slot = (slot + 1) & mask;
    }
  }

  #hasName(address: number, length: number, name: ByteString): boolean {
    if (length !== name.length) return false;
    const u8 = this.arena.page(address).u8;
    const at = (this.arena.word(address) + 1) << 2;
    for (let i = 0; i < length; i++) {
      if (u8[at + i] !== name.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Adds a record where {@linkcode find} ended, in place of what it found. Its words are zero but those given here. */
  insert(directory: number): number {
    const id = this.length++;
    if ((id & RECORDS_MASK) === 0) {
      this.#pages.push(new Uint32Array(1 << (RECORDS_SHIFT + RECORD_SHIFT)));
    }
    const words = this.words(id);
    const at = this.at(id);
    words[at + L_PARENT] = directory;
    words[at + L_HASH] = this.#hash;
    words[at + L_INODE] = id;
    if (id === 0) return id;
    if (this.#table[this.#slot] === 0) this.#filled++;
    this.#table[this.#slot] = id;
    if (this.#filled * 3 > this.#table.length * 2) this.#rehash();
    return id;
  }

  #rehash(): void {
    const old = this.#table;
    const table = new Uint32Array(old.length * 2);
    const mask = table.length - 1;
    for (let i = 0; i < old.length; i++) {
      const id = old[i] as number;
      if (id === 0) continue;
      const words = this.words(id);
      const at = this.at(id);
      let slot = place(words[at + L_HASH] as number, words[at + L_PARENT] as number) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = id;
    }
    this.#table = table;
  }

  /** Gives the table back; nothing can be found any more. */
  dropTable(): void {
    this.#table = new Uint32Array(1);
  }

  /** The page of a record's heap part. */
  heapPage(id: number): Page {
    return this.arena.page(this.get(id, L_HEAP));
  }

  /** The word where a record's name stands. */
  nameAt(id: number): number {
    return this.arena.word(this.get(id, L_HEAP)) + 1;
  }

  /** Bytes of a record's name. */
  nameLength(id: number): number {
    return this.get(id, R_NAME) & 0xffff;
  }

  /** The word behind a record's name. */
  restAt(id: number): number {
    return this.nameAt(id) + wordsOf(this.nameLength(id));
  }

  /** Orders two records by their names. */
  compare(a: number, b: number): number {
    const x = this.words(a);
    const y = this.words(b);
    const i = this.at(a);
    const j = this.at(b);
    const arena = this.arena;
    const p = x[i] as number;
    const q = y[j] as number;
    return compareNames(
      arena.page(p).u32,
      arena.word(p) + 1,
      (x[i + R_NAME] as number) & 0xffff,
      arena.page(q).u32,
      arena.word(q) + 1,
      (y[j + R_NAME] as number) & 0xffff,
    );
  }
}

/** Spreads a name's hash and a directory over the table. */
function place(hash: number, directory: number): number {
  const mixed = Math.imul(hash ^ Math.imul(directory, 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
