/**
 * The file form of a tree, version 1, little endian: a header of 16 bytes
 * (magic, version, zero), the pages of its one segment, a footer, and a tail.
 *
 * Footer: kind, root address, root bytes, root digest (8 words), bytes of the
 * pages (low, high), sources, then each source: bytes, zero-padded text.
 * Tail: SHA-256 of the footer (8 words), bytes of the footer, version, magic.
 *
 * @module
 */

/** First and last bytes of a file. */
export const MAGIC: Uint8Array = new TextEncoder().encode("varvetre");
/** Version of the whole form: blocks, cuts, pages and footer. */
export const VERSION = 1;
/** Bytes before the pages. */
export const HEADER_BYTES = 16;
/** Bytes behind the footer. */
export const TAIL_BYTES = 48;
/** Words of a footer without sources. */
export const FOOTER_WORDS = 14;
/** A footer longer than that is refused before it is read: room for 10,000 layers. */
export const MAX_FOOTER_BYTES: number = 1 << 20;
