/**
 * Compressed layers: gzip of any number of members, zstd of any number of frames, or plain.
 *
 * Magic bytes decide what a stream is; xz, bzip2 and others are refused. The reader works
 * synchronously, in bounded memory, in linear time, checks every checksum and judges every byte
 * behind the end. The writer is deterministic.
 *
 * @example
 * ```ts
 * import { compress, decompress } from "@varve/varve/compress";
 *
 * const source = [new TextEncoder().encode("varve")];
 * let text = "";
 * const decoder = new TextDecoder();
 * for await (const piece of decompress(compress(source, { format: "gzip" }))) {
 *   text += decoder.decode(piece, { stream: true });
 * }
 * if (text !== "varve") throw new Error("never");
 * ```
 *
 * @module
 */
export * from "./compress.ts";
export * from "./compression.ts";
export * from "./decompress.ts";
export * from "./decompressor.ts";
export * from "./inflater.ts";
export * from "./limits.ts";
export * from "./media_type.ts";
export { PIECE_BYTES, splitPieces } from "./split_pieces.ts";
