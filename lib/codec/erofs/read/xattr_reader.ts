import { type ByteString, fromBytes } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Xattr } from "../../../tree/mod.ts";
import { damaged } from "../errors.ts";
import { XATTR_ENTRY_BYTES, XATTR_HEADER_BYTES, XATTR_PREFIXES } from "../format.ts";
import type { ImageBytes } from "./image_bytes.ts";
import type { Inode } from "./read_inode.ts";
import type { Superblock } from "./read_superblock.ts";

/**
 * Number of bytes of shared xattrs that the inodes of any image may have: 64 MiB. Without a limit,
 * a small image could result in a huge tree, because many inodes can refer to the same shared
 * xattr.
 */
const REPEAT_FREE = 1 << 26;
/** Number of bytes by which each inode with xattrs raises this limit. */
const REPEAT_EACH = 256;

/** Reads the xattrs of inodes. Each shared xattr is read once. */
export class XattrReader {
  readonly #image: ImageBytes;
  readonly #sb: Superblock;
  readonly #shared = new Map<number, Xattr>();
  #room = REPEAT_FREE;

  /** Makes a reader for an image. */
  constructor(image: ImageBytes, sb: Superblock) {
    this.#image = image;
    this.#sb = sb;
  }

  /**
   * Reads all xattrs of an inode, sorted by name.
   *
   * @throws {VarveError} `E_FORMAT`; `E_LIMIT` when inodes repeat too many xattrs
   */
  read({ nid, xattrsAt, xattrBytes }: Inode): Xattr[] {
    if (xattrBytes === 0) return [];
    const out: Xattr[] = [];
    const count = this.#image.at(xattrsAt, XATTR_HEADER_BYTES)[4] as number;
    const end = xattrsAt + xattrBytes;
    let at = xattrsAt + XATTR_HEADER_BYTES;
    if (at + count * 4 > end) damaged(`the shared xattrs of inode ${nid} exceed its xattr area`);
    this.#room += REPEAT_EACH;
    for (let i = 0; i < count; i++, at += 4) {
      out.push(this.#sharedOne(this.#image.view(at, 4).getUint32(0, true)));
    }
    while (at + XATTR_ENTRY_BYTES <= end) {
      const { xattr, length } = this.#entry(at, end);
      out.push(xattr);
      at += length;
    }
    out.sort((a, b) => a.name < b.name ? -1 : 1);
    for (let i = 1; i < out.length; i++) {
      if (out[i - 1]?.name === out[i]?.name) damaged(`inode ${nid} has an xattr twice`);
    }
    return out;
  }

  #sharedOne(id: number): Xattr {
    let xattr = this.#shared.get(id);
    if (xattr === undefined) {
      const { xattr: read, length } = this.#entry(this.#sb.sharedAt + id * 4, this.#image.size);
      this.#image.spend(length);
      this.#shared.set(id, xattr = read);
    }
    this.#room -= xattr.name.length + xattr.value.length;
    if (this.#room < 0) {
      throw new VarveError("E_LIMIT", "Cannot read EROFS image: its inodes repeat too many xattrs");
    }
    return xattr;
  }

  #entry(at: number, end: number): { readonly xattr: Xattr; readonly length: number } {
    const head = this.#image.view(at, XATTR_ENTRY_BYTES);
    const nameLength = head.getUint8(0);
    const prefix = XATTR_PREFIXES[head.getUint8(1)];
    const valueLength = head.getUint16(2, true);
    if (prefix === undefined) return damaged(`an xattr has the unknown prefix ${head.getUint8(1)}`);
    const used = XATTR_ENTRY_BYTES + nameLength + valueLength;
    if (at + used > end) damaged("an xattr exceeds its area");
    const bytes = this.#image.at(at + XATTR_ENTRY_BYTES, nameLength + valueLength);
    const name = prefix + fromBytes(bytes, 0, nameLength) as ByteString;
    if (name === "" || name.includes("\0")) damaged("an xattr has no name");
    return {
      xattr: { name, value: fromBytes(bytes, nameLength, bytes.length) },
      length: (used + 3) & ~3,
    };
  }
}
