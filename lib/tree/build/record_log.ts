import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { Arena, type Page } from "../packed/arena.ts";
import { compareNames, HASH_PRIME, HASH_SEED, R_NAME, wordsOf } from "../packed/format.ts";

/**
 * A record has 16 words: the ten words of a row, then `L_PARENT` to `L_PACKED`. The first word is
 * {@linkcode L_HEAP} instead of the end of the heap part.
 */
const RECORD_SHIFT = 4;
const RECORDS_SHIFT = 14;
const RECORDS_MASK = (1 << RECORDS_SHIFT) - 1;

/**
 * Word of a record: address of its heap part in the arena. The heap part begins with one word: the
 * number of words that follow the name. Then come the name, the digest, and the tail (link target,
 * xattrs).
 */
export const L_HEAP = 0;
/** Word of a record: the record of the directory that holds this name. */
export const L_PARENT = 10;
/** Word of a record: hash of the name. */
const L_HASH = 11;
/**
 * Word of a record: the record with the attributes of the inode; for a hard link, the record of its
 * target.
 */
export const L_INODE = 12;
/**
 * Words of a record. File: the three words of its side, with the address of its extents in the
 * arena. Packed directory: index of its result among the results of the `Packer`.
 */
export const L_SIDE = 13;
/** Word of a directory's record: its state, as `OpenDirectories` defines it. */
export const L_STATE = 14;
/** Word of a directory's record: number of names that were packed with it. */
export const L_PACKED = 15;

/** Flag of a record: the name was removed or replaced. */
export const L_DEAD: number = 1 << 11;
/** Flag of a record: the digest of the file's content is not set yet. */
export const L_NO_DIGEST: number = 1 << 12;
/** Layer number in a side: the layer that `finish` will name. */
export const OWN_SOURCE = 0x7fff_ffff;

const FIRST_TABLE = 1 << 10;
/**
 * Number of slots that a look-up tries. Names can be chosen so that all of them want the same slot;
 * each look-up would then take as many steps as there are names.
 */
const MAX_PROBES = 256;

/**
 * The records of all names that were put into a builder, in the order of the calls. A hash table finds a record
 * by directory and name. All data is in array buffers, not on the JS heap.
 */
export class RecordLog {
  /** Memory of the heap parts and extents. */
  readonly arena: Arena = new Arena();
  readonly #pages: Uint32Array<ArrayBuffer>[] = [];
  /** Number of records. */
  length = 0;
  #table: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_TABLE);
  #filled = 0;
  /** The records for which the table has no slot within {@linkcode MAX_PROBES}, by their key. */
  readonly #crowded = new Map<string, number>();
  /**
   * Slot of the table where {@linkcode find} ended: the slot of the found record, or a free slot.
   * −1 for a record in `#crowded`.
   */
  #slot = 0;
  /** The key of the record in `#crowded`, if `#slot` is −1. */
  #key = "";
  #hash = 0;

  /** The words that hold a record. */
  words(id: number): Uint32Array {
    return this.#pages[id >>> RECORDS_SHIFT] as Uint32Array;
  }

  /** Index in {@linkcode words} of the first word of a record. */
  at(id: number): number {
    return (id & RECORDS_MASK) << RECORD_SHIFT;
  }

  /** Reads a word of a record. */
  get(id: number, word: number): number {
    return (this.#pages[id >>> RECORDS_SHIFT] as Uint32Array)[this.at(id) + word] as number;
  }

  /** Writes a word of a record. */
  set(id: number, word: number, value: number): void {
    (this.#pages[id >>> RECORDS_SHIFT] as Uint32Array)[this.at(id) + word] = value;
  }

  /** The flags of a record. */
  flags(id: number): number {
    return this.get(id, R_NAME) >>> 16;
  }

  /**
   * Finds the record of a name in a directory; −1 when there is none. Remembers the slot for
   * {@linkcode insert}.
   */
  find(directory: number, name: ByteString): number {
    // Not in `insert`: the name of a record is written after it.
    if (this.#filled * 3 > this.#table.length * 2) this.#rehash();
    let hash = HASH_SEED;
    for (let i = 0; i < name.length; i++) {
      hash = Math.imul(hash ^ name.charCodeAt(i), HASH_PRIME);
    }
    hash >>>= 0;
    this.#hash = hash;
    const table = this.#table;
    const mask = table.length - 1;
    let slot = slotHash(hash, directory) & mask;
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const id = table[slot] as number;
      if (id === 0) {
        this.#slot = slot;
        return this.#crowded.size === 0 ? -1 : this.#findCrowded(directory, name, slot);
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
    return this.#findCrowded(directory, name, -1);
  }

  /** Finds a record that is not in the table. `free` is the slot for it if there is none. */
  #findCrowded(directory: number, name: ByteString, free: number): number {
    const key = crowdedKey(directory, name);
    const id = this.#crowded.get(key);
    this.#slot = id === undefined ? free : -1;
    this.#key = key;
    return id ?? -1;
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

  /**
   * Adds a record in the slot where {@linkcode find} ended. If a record was found there, the new
   * record hides it. The words of the new record are zero, except its directory, the hash of its name
   * and its inode.
   */
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
    if (this.#slot < 0) {
      this.#crowded.set(this.#key, id);
      return id;
    }
    if (this.#table[this.#slot] === 0) this.#filled++;
    this.#table[this.#slot] = id;
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
      const directory = words[at + L_PARENT] as number;
      let slot = slotHash(words[at + L_HASH] as number, directory) & mask;
      let probes = 1;
      for (; table[slot] !== 0 && probes < MAX_PROBES; probes++) slot = (slot + 1) & mask;
      if (table[slot] === 0) {
        table[slot] = id;
        continue;
      }
      const start = this.nameAt(id) << 2;
      const name = fromBytes(this.heapPage(id).u8, start, start + this.nameLength(id));
      this.#crowded.set(crowdedKey(directory, name), id);
      this.#filled--;
    }
    this.#table = table;
  }

  /** Frees the hash table. {@linkcode find} must not be called afterwards. */
  dropTable(): void {
    this.#table = new Uint32Array(1);
    this.#crowded.clear();
  }

  /** The page that holds the heap part of a record. */
  heapPage(id: number): Page {
    return this.arena.page(this.get(id, L_HEAP));
  }

  /** Index of the first word of a record's name in its {@linkcode heapPage}. */
  nameAt(id: number): number {
    return this.arena.word(this.get(id, L_HEAP)) + 1;
  }

  /** Length of a record's name in bytes. */
  nameLength(id: number): number {
    return this.get(id, R_NAME) & 0xffff;
  }

  /** Index of the first word after a record's name in its {@linkcode heapPage}. */
  restAt(id: number): number {
    return this.nameAt(id) + wordsOf(this.nameLength(id));
  }

  /** Compares two records by their names, as memcmp does. */
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

function crowdedKey(directory: number, name: ByteString): string {
  return `${directory}/${name}`;
}

/** The hash of a name in a directory. It selects the slot of the table. */
function slotHash(hash: number, directory: number): number {
  const mixed = Math.imul(hash ^ Math.imul(directory, 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
