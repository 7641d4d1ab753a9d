import { littleEndian } from "./little_endian.ts";

/** The header of a zstd frame (RFC 8878, 3.1.1.1). */
export interface ZstdFrameHeader {
  /** Size of the window in bytes: the amount of output that a decoder must keep. */
  readonly windowBytes: number;
  /**
   * Size of the uncompressed content in bytes; `undefined` when the header does not state it. Above
   * 2⁵³ it is rounded.
   */
  readonly contentBytes: number | undefined;
  /** Whether a checksum of 4 bytes follows the last block. */
  readonly hasChecksum: boolean;
  /** Id of the dictionary that the frame needs; 0 for none. */
  readonly dictionaryId: number;
}

/** Maximum size of a header in bytes, including the magic. */
export const MAX_HEADER_BYTES = 18;

const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const HAS_CHECKSUM = 0x04;

/** Size of a header in bytes, including the magic. `descriptor` is the byte after the magic. */
export function frameHeaderBytes(descriptor: number): number {
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  return 5 + (single ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! +
    contentSizeBytes(descriptor);
}

/** Whether the reserved bit of a descriptor is set. RFC 8878 demands that it is 0. */
export function hasReservedBit(descriptor: number): boolean {
  return (descriptor & RESERVED) !== 0;
}

/** Parses a complete header, which begins with the magic. */
export function parseFrameHeader(bytes: Uint8Array): ZstdFrameHeader {
  const descriptor = bytes[4]!;
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  const idLength = DICTIONARY_ID_BYTES[descriptor & 3]!;
  const sizeLength = contentSizeBytes(descriptor);
  const idAt = single ? 5 : 6;
  const dictionaryId = littleEndian(bytes, idAt, idLength);
  let contentBytes: number | undefined;
  if (sizeLength > 0) {
    contentBytes = littleEndian(bytes, idAt + idLength, sizeLength);
    // The two-byte form begins at 256, because smaller sizes have the one-byte form.
    if (sizeLength === 2) contentBytes += 256;
  }
  return {
    windowBytes: single ? contentBytes ?? 0 : windowBytes(bytes[5]!),
    contentBytes,
    hasChecksum: (descriptor & HAS_CHECKSUM) !== 0,
    dictionaryId,
  };
}

function contentSizeBytes(descriptor: number): number {
  const flag = descriptor >> 6;
  if (flag === 0) return (descriptor & SINGLE_SEGMENT) !== 0 ? 1 : 0;
  return CONTENT_SIZE_BYTES[flag]!;
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
