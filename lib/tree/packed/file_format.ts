/**
 * A stored tree, version 1: the bytes of a file. Numbers are little endian.
 *
 *     header   16 bytes: magic, version, zero
 *     pages    the blocks of one segment, at their addresses
 *     footer   words: kind, root address, root length, root digest (8), length of the pages (low,
 *              high), number of layers; then for each layer: length of its diffID, the diffID,
 *              zero-padded
 *     tail     48 bytes: SHA-256 of the footer (8 words), length of the footer, version, magic
 *
 * Lengths are in bytes.
 *
 * Opening a tree reads footer and tail, then the root block. Everything else is read when it is
 * needed.
 *
 * @module
 */

/** The first and the last bytes of a stored tree. */
export const MAGIC: Uint8Array = new TextEncoder().encode("varvetre");
/** Version of the whole form: blocks, pages, footer, and the rule by which leaves are cut. */
export const VERSION = 1;
/** Bytes before the pages. */
export const HEADER_BYTES = 16;
/** Bytes after the footer. */
export const TAIL_BYTES = 48;
/** Words of a footer without layers. */
export const FOOTER_WORDS = 14;
/**
 * Maximum length of a footer, with room for 10,000 layers. A longer footer is refused before it is
 * read.
 */
export const MAX_FOOTER_BYTES: number = 1 << 20;

/**
 * Whether the first bytes of a file are those of a stored tree of another version. Its other parts may have another form
 * then.
 *
 * @param head the first {@linkcode HEADER_BYTES} bytes
 */
export function isOtherTreeVersion(head: Uint8Array): boolean {
  if (head.length < HEADER_BYTES || !MAGIC.every((byte, i) => head[i] === byte)) return false;
  return new DataView(head.buffer, head.byteOffset).getUint32(MAGIC.length, true) !== VERSION;
}
