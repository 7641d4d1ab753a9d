/**
 * Compressed layers: gzip with any number of members, zstd with any number of frames, or
 * uncompressed.
 *
 * ## Decompressing
 *
 * {@linkcode Decompressor} is synchronous, with bounded memory and linear time.
 * {@linkcode decompress} and {@linkcode DecompressingStream} are the same for asynchronous code.
 *
 *     bytes ─▶ sniff: the magic bytes decide the format; xz, bzip2 and others are refused
 *               └─▶ gzip, zstd or plain reader: finds where each member or frame begins and ends
 *                     └─▶ decoder (node:zlib, or a given inflater): decodes one member or frame
 *                           └─▶ limits: size, ratio, number of members ─▶ sink
 *
 * The readers find the ends of members and frames themselves, because decoders do not report all
 * errors: some drop bytes that follow a member, and some accept a truncated frame. Every checksum
 * and length is verified. Only NULs and further members or frames may follow a member or frame.
 *
 * ## Compressing
 *
 * {@linkcode compress} is deterministic: with the same version of node:zlib, the same input gives
 * the same output for any number of workers. To this end, {@linkcode splitPieces} cuts the input
 * into pieces of a fixed length, {@linkcode compressPiece} compresses each piece independently, and
 * {@linkcode joinPieces} joins the results.
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
 * if (text !== "varve") throw new Error("not the same text");
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
