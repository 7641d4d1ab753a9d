/** Builds gzip members and zstd frames byte by byte, and reads streams in one call. */
import { constants, crc32, deflateRawSync, zstdCompressSync } from "node:zlib";
import { Decompressor, type DecompressorOptions } from "../../../../lib/codec/compress/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function text(value: string): Bytes {
  return new TextEncoder().encode(value);
}

/** Makes bytes that compress well, with long and short repeats. */
export function sample(length: number): Bytes {
  return new Uint8Array(length).map((_, i) => (i * 7 + (i >> 8) * (i >> 5)) & 0x3f);
}

export interface MemberOptions {
  readonly level?: number;
  readonly extra?: Uint8Array;
  readonly name?: Uint8Array;
  readonly comment?: Uint8Array;
  /** Adds a header checksum (FHCRC). `"wrong"` flips one bit of it. */
  readonly headerCrc?: true | "wrong";
  /** Further flags to set. */
  readonly flags?: number;
  readonly method?: number;
  /** Values to XOR to the fields of the trailer. */
  readonly crcError?: number;
  readonly lengthError?: number;
}

/** Makes a gzip member (RFC 1952). */
export function member(content: Uint8Array, options: MemberOptions = {}): Bytes {
  const { extra, name, comment, headerCrc } = options;
  const flags = (headerCrc === undefined ? 0 : 2) | (extra === undefined ? 0 : 4) |
    (name === undefined ? 0 : 8) | (comment === undefined ? 0 : 16) | (options.flags ?? 0);
  let header = new Uint8Array([0x1f, 0x8b, options.method ?? 8, flags, 1, 2, 3, 4, 0, 3]);
  if (extra !== undefined) header = concat(header, littleEndian(extra.length, 2), extra);
  if (name !== undefined) header = concat(header, name, littleEndian(0, 1));
  if (comment !== undefined) header = concat(header, comment, littleEndian(0, 1));
  if (headerCrc !== undefined) {
    const sum = (crc32(header) & 0xffff) ^ (headerCrc === "wrong" ? 0x100 : 0);
    header = concat(header, littleEndian(sum, 2));
  }
  return concat(
    header,
    deflateRawSync(content, { level: options.level ?? 6 }),
    littleEndian((crc32(content) ^ (options.crcError ?? 0)) >>> 0, 4),
    littleEndian((content.length ^ (options.lengthError ?? 0)) >>> 0, 4),
  );
}

/** Makes a zstd frame with the reference encoder. */
export function frame(content: Uint8Array, options: { readonly checksum?: boolean } = {}): Bytes {
  const params = { [constants.ZSTD_c_checksumFlag]: options.checksum === false ? 0 : 1 };
  const chunkSize = content.length + 4096;
  return new Uint8Array(zstdCompressSync(content, { params, chunkSize }));
}

export interface RawFrameOptions {
  /** Content size that the header states, in one byte. Default: not stated. */
  readonly stated?: number;
  /** The window descriptor. Default: a single-segment frame, for which `stated` is needed. */
  readonly window?: number;
  readonly dictionaryId?: number;
  readonly reservedBit?: boolean;
  readonly blockType?: number;
}

/** Makes a zstd frame with one uncompressed block (RFC 8878, 3.1.1). */
export function rawFrame(content: Uint8Array, options: RawFrameOptions): Bytes {
  const { stated, window, dictionaryId } = options;
  const descriptor = (window === undefined ? 0x20 : 0) | (dictionaryId === undefined ? 0 : 1) |
    (options.reservedBit ? 8 : 0);
  return concat(
    new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, descriptor]),
    window === undefined ? new Uint8Array(0) : littleEndian(window, 1),
    dictionaryId === undefined ? new Uint8Array(0) : littleEndian(dictionaryId, 1),
    window === undefined ? littleEndian(stated ?? 0, 1) : new Uint8Array(0),
    littleEndian(content.length * 8 + (options.blockType ?? 0) * 2 + 1, 3),
    content,
  );
}

/** Makes a skippable zstd frame. */
export function skippable(content: Uint8Array, nibble = 0): Bytes {
  return concat(
    new Uint8Array([0x50 | nibble, 0x2a, 0x4d, 0x18]),
    littleEndian(content.length, 4),
    content,
  );
}

export function littleEndian(value: number, length: number): Bytes {
  return new Uint8Array(length).map((_, i) => Math.floor(value / 256 ** i) % 256);
}

/** Decompresses a stream, from chunks of `step` bytes or from the given chunks. */
export function inflate(
  input: Uint8Array | readonly Uint8Array[],
  options: DecompressorOptions & { readonly step?: number } = {},
): Bytes {
  const { step = 65536, ...rest } = options;
  const out: Uint8Array[] = [];
  const sink = (bytes: Uint8Array): void => void out.push(bytes.slice());
  using decompressor = new Decompressor(rest);
  for (const part of input instanceof Uint8Array ? [input] : input) {
    for (let at = 0; at < part.length; at += step) {
      decompressor.push(part.subarray(at, at + step), sink);
    }
  }
  decompressor.end(sink);
  return concat(...out);
}

/** Decompresses a stream and returns the code of the error, or `"OK"`. */
export function verdict(
  input: Uint8Array,
  options: DecompressorOptions & { readonly step?: number } = {},
): string {
  return failure(input, options)?.code ?? "OK";
}

/** Decompresses a stream and returns the error. */
export function failure(
  input: Uint8Array,
  options: DecompressorOptions & { readonly step?: number } = {},
): VarveError | undefined {
  try {
    inflate(input, options);
    return undefined;
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
}
