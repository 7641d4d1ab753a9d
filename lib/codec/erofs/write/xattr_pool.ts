import { type ByteString, fromBytes, toBytes, toHex, writeBytes } from "../../../bytes/mod.ts";
import { sha256Bytes } from "../../../digest/mod.ts";
import type { Row, Xattr } from "../../../tree/mod.ts";
import { tooLarge } from "../errors.ts";
import { XATTR_ENTRY_BYTES, XATTR_HEADER_BYTES, XATTR_PREFIXES } from "../format.ts";

/** The xattr that marks a directory of a single layer for overlayfs. */
export type OverlayMark = "none" | "opaque" | "origin";

/** Makes a directory opaque: overlayfs hides the entries that lower layers have in it. */
const OPAQUE: Xattr = { name: "trusted.overlay.opaque" as ByteString, value: "y" as ByteString };
/**
 * Makes overlayfs look for whiteouts in a directory. Without this xattr, overlayfs assumes that the
 * directory has none.
 */
const ORIGIN: Xattr = { name: "trusted.overlay.origin" as ByteString, value: "" as ByteString };

/**
 * Size in bytes above which an xattr is always shared, so that it is not stored with the inodes.
 */
const LARGE = 1024;
/** Maximum number of shared xattrs of an inode. The number is stored in one byte. */
const MAX_SHARED = 255;
/** Maximum size of an inode's xattr area in bytes. Its number of words is stored in two bytes. */
const MAX_AREA = XATTR_HEADER_BYTES + 0xfffe * 4;
/**
 * Number of sets with the same hash that are compared one by one. Values can be chosen so that all
 * sets have the same hash; the further ones are found by their SHA-256.
 */
const CROWDED = 64;
const EMPTY = new Uint8Array(0);

/** A set of xattrs that one or more inodes have. */
interface XattrSet {
  readonly words: Uint32Array;
  readonly mark: OverlayMark;
  /** Number of the set, from 1, in the order in which sets were found. */
  readonly number: number;
  /** Number of inodes that have the set. */
  count: number;
  /** The encoded xattr area, which is written after each of these inodes. */
  area: Uint8Array;
}

/** An xattr of the pool. */
interface PooledXattr {
  count: number;
  readonly bytes: Uint8Array;
  /**
   * Id of a shared xattr: its offset among the shared xattrs, in words. −1 for an xattr that is
   * stored with its inode.
   */
  id: number;
}

/**
 * The xattrs of a tree. Equal sets are recognized by their packed form, so that a million files
 * with the same label need one set. An xattr that several inodes have is stored once and shared.
 */
export class XattrPool {
  readonly #sets: XattrSet[] = [];
  readonly #byHash = new Map<number, XattrSet[]>();
  /** The sets beyond the first {@linkcode CROWDED} of each hash, by {@linkcode crowdedKey}. */
  readonly #crowded = new Map<string, XattrSet>();
  readonly #xattrs = new Map<string, PooledXattr>();
  #last: XattrSet | undefined;
  #sharedBytes = 0;

  /** Adds the xattrs of an inode. Returns the number of their set; 0 when there are none. */
  add(row: Row, mark: OverlayMark): number {
    if (!row.hasXattrs && mark === "none") return 0;
    const [first, end] = row.xattrWords;
    const set = this.#find(row.words, first, end, mark);
    set.count++;
    return set.number;
  }

  /**
   * Decides which xattrs are shared, and encodes all areas.
   *
   * @throws {VarveError} `E_LIMIT` when the xattrs do not fit
   */
  seal(): void {
    // This order is part of the writer's version 1.
    const sets = [...this.#byHash.values()].flat();
    for (const set of sets) {
      for (const xattr of xattrsOf(set)) {
        const key = keyOf(xattr);
        const known = this.#xattrs.get(key);
        if (known !== undefined) known.count += set.count;
        else this.#xattrs.set(key, { count: set.count, bytes: encode(xattr), id: -1 });
      }
    }
    for (const xattr of this.#xattrs.values()) {
      if (xattr.count < 2 && xattr.bytes.length <= LARGE) continue;
      xattr.id = this.#sharedBytes / 4;
      this.#sharedBytes += xattr.bytes.length;
      if (xattr.id > 0xffff_ffff) throw tooLarge("its xattrs need more than 16 GiB");
    }
    for (const set of sets) set.area = this.#encodeArea(xattrsOf(set));
  }

  /**
   * The encoded xattr area of a set, by its number; empty for 0. Call it after {@linkcode seal}.
   */
  area(number: number): Uint8Array {
    return number === 0 ? EMPTY : (this.#sets[number - 1] as XattrSet).area;
  }

  /** Size of all shared xattrs in bytes. */
  get sharedBytes(): number {
    return this.#sharedBytes;
  }

  /** The encoded shared xattrs, in the order of their ids. */
  *shared(): Generator<Uint8Array> {
    for (const { id, bytes } of this.#xattrs.values()) if (id >= 0) yield bytes;
  }

  #find(words: Uint32Array, first: number, end: number, mark: OverlayMark): XattrSet {
    const last = this.#last;
    if (last !== undefined && isSame(last, words, first, end, mark)) return last;
    let hash = mark.length;
    for (let i = first; i < end; i++) {
      hash = Math.imul(hash ^ (words[i] as number), 0x0100_0193);
      hash ^= hash >>> 15;
    }
    let sets = this.#byHash.get(hash);
    if (sets === undefined) this.#byHash.set(hash, sets = []);
    const isCrowded = sets.length >= CROWDED;
    for (let i = 0; i < sets.length && i < CROWDED; i++) {
      const set = sets[i] as XattrSet;
      if (isSame(set, words, first, end, mark)) return this.#last = set;
    }
    const key = isCrowded ? crowdedKey(words.subarray(first, end), mark) : "";
    let set = isCrowded ? this.#crowded.get(key) : undefined;
    if (set === undefined) {
      const number = this.#sets.length + 1;
      set = { words: words.slice(first, end), mark, number, count: 0, area: EMPTY };
      this.#sets.push(set);
      sets.push(set);
      if (isCrowded) this.#crowded.set(key, set);
    }
    return this.#last = set;
  }

  #encodeArea(xattrs: readonly Xattr[]): Uint8Array {
    const shared: number[] = [];
    const inline: Uint8Array[] = [];
    let length = XATTR_HEADER_BYTES;
    for (const xattr of xattrs) {
      const { id, bytes } = this.#xattrs.get(keyOf(xattr)) as PooledXattr;
      if (id >= 0 && shared.length < MAX_SHARED) {
        shared.push(id);
        length += 4;
      } else {
        inline.push(bytes);
        length += bytes.length;
      }
    }
    if (length > MAX_AREA) throw tooLarge(`the xattrs of one inode need ${length} bytes`);
    const area = new Uint8Array(length);
    const view = new DataView(area.buffer);
    area[4] = shared.length;
    let at = XATTR_HEADER_BYTES;
    for (const id of shared) {
      view.setUint32(at, id, true);
      at += 4;
    }
    for (const bytes of inline) {
      area.set(bytes, at);
      at += bytes.length;
    }
    return area;
  }
}

function crowdedKey(words: Uint32Array, mark: OverlayMark): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return `${mark}${toHex(sha256Bytes(bytes))}`;
}

/**
 * The key of an xattr. A large value is there as its SHA-256: a `Map` takes all long strings of one
 * length for equal hashes, so a look-up would compare each of them.
 */
function keyOf({ name, value }: Xattr): string {
  return value.length <= LARGE
    ? `=${name}\0${value}`
    : `#${name}\0${toHex(sha256Bytes(toBytes(value)))}`;
}

function isSame(
  set: XattrSet,
  words: Uint32Array,
  first: number,
  end: number,
  mark: OverlayMark,
): boolean {
  const own = set.words;
  if (own.length !== end - first || set.mark !== mark) return false;
  for (let i = 0; i < own.length; i++) if (own[i] !== words[first + i]) return false;
  return true;
}

/**
 * Decodes the xattrs of a set. The first word of the set is the number of xattrs. The rest holds,
 * for each xattr, the length of the name, the length of the value, the name and the value. Name and
 * value are each padded to whole words.
 */
function xattrsOf({ words, mark }: XattrSet): Xattr[] {
  const bytes = new Uint8Array(words.buffer);
  const out: Xattr[] = [];
  let at = 1;
  const take = (length: number): ByteString => {
    const text = fromBytes(bytes, at * 4, at * 4 + length);
    at += (length + 3) >>> 2;
    return text;
  };
  for (let left = words[0] ?? 0; left > 0; left--) {
    const nameLength = words[at++] as number;
    const valueLength = words[at++] as number;
    out.push({ name: take(nameLength), value: take(valueLength) });
  }
  if (mark === "none") return out;
  const own = mark === "opaque" ? OPAQUE : ORIGIN;
  return [...out.filter(({ name }) => name !== own.name), own];
}

/** Encodes an xattr entry, padded with zeros to whole words. */
function encode({ name, value }: Xattr): Uint8Array {
  let index = XATTR_PREFIXES.findIndex((prefix, i) => {
    if (i === 0) return false;
    if (!prefix.endsWith(".")) return name === prefix;
    return name.startsWith(prefix) && name.length > prefix.length;
  });
  // A name that begins with none of the prefixes, or that is only a prefix, is stored whole with
  // index 0. The kernel does not show such an xattr.
  if (index < 0) index = 0;
  const suffix = name.slice((XATTR_PREFIXES[index] as string).length) as ByteString;
  if (suffix.length > 0xff || value.length > 0xffff) {
    throw tooLarge(
      `an xattr has ${suffix.length} bytes of name and ${value.length} of value; the limits are 255 and 65535`,
    );
  }
  const length = XATTR_ENTRY_BYTES + suffix.length + value.length;
  const bytes = new Uint8Array((length + 3) & ~3);
  bytes[0] = suffix.length;
  bytes[1] = index;
  bytes[2] = value.length & 0xff;
  bytes[3] = value.length >>> 8;
  writeBytes(value, bytes, writeBytes(suffix, bytes, XATTR_ENTRY_BYTES));
  return bytes;
}
