import { type Compression, compressionMagic, Decompressor } from "../codec/compress/mod.ts";

/** Number of bytes that show the magic of a compression, or the header of a tar. */
export const PLAIN_HEAD = 512;
/** Number of compressed bytes that contain at least the first block of a tar: a zstd block is at most 128 KiB. */
export const COMPRESSED_HEAD: number = 160 * 1024;

/**
 * Guesses whether a file of a stream is a layer, before any document names it. A layer is a tar, plain or compressed.
 * It may be empty. If the first bytes are too few to tell, the answer is yes, and the layer job decides.
 *
 * @param head the first bytes: {@linkcode COMPRESSED_HEAD} of a compressed file, else {@linkcode PLAIN_HEAD}; fewer
 *   when the file is shorter
 * @param size size of the file in bytes
 */
export function looksLikeLayer(head: Uint8Array, size: number): boolean {
  const compression = compressionMagic(head);
  if (compression === undefined) return size % PLAIN_HEAD === 0 && isTarHead(head);
  const plain = inflatedHead(head, compression);
  return plain === undefined || isTarHead(plain);
}

/** The first decompressed block; `undefined` when the bytes are damaged or too few. */
function inflatedHead(head: Uint8Array, compression: Compression): Uint8Array | undefined {
  const block = new Uint8Array(PLAIN_HEAD);
  let length = 0;
  using decompressor = new Decompressor({ compression });
  try {
    for (let at = 0; at < head.length && length < PLAIN_HEAD;) {
      at = decompressor.pushSome(head, at, (bytes) => {
        const fits = bytes.subarray(0, PLAIN_HEAD - length);
        block.set(fits, length);
        length += fits.length;
      });
    }
  } catch {
    return undefined;
  }
  return length === PLAIN_HEAD ? block : undefined;
}

/**
 * Whether a block is the header of a tar, or zeros. Every dialect of tar stores the checksum of the header at offset
 * 148. The checksum is the sum of all bytes of the header, with spaces in its own field.
 */
function isTarHead(head: Uint8Array): boolean {
  if (head.length < PLAIN_HEAD) return false;
  let stored = "";
  let sum = 8 * 0x20;
  let isZero = true;
  for (let i = 0; i < PLAIN_HEAD; i++) {
    const byte = head[i] as number;
    if (byte !== 0) isZero = false;
    if (i >= 148 && i < 156) stored += String.fromCharCode(byte);
    else sum += byte;
  }
  return isZero || parseInt(stored.replace(/[\0 ]+/g, ""), 8) === sum;
}
