import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { crc32, gunzipSync, zstdDecompressSync } from "node:zlib";
import { crc32Combine } from "../../../../lib/codec/compress/crc32_combine.ts";
import {
  compress,
  type CompressedPiece,
  compressedRoom,
  compressPiece,
  compressPieceInto,
  joinPieces,
  PIECE_BYTES,
  splitPieces,
} from "../../../../lib/codec/compress/mod.ts";
import { sha256 } from "../../../../lib/digest/mod.ts";
import { prng } from "../../../support/prng.ts";
import { concat, inflate, sample, text } from "./support.ts";

const MIB = 1024 ** 2;

async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return concat(...await Array.fromAsync(pieces));
}

Deno.test("other decompressors and ours read what compress writes, for pieces of all sizes", async () => {
  for (const format of ["gzip", "zstd"] as const) {
    const piece = PIECE_BYTES[format];
    for (const size of [0, 1, piece - 1, piece, piece + 1, 2 * piece + 5]) {
      const content = sample(size);
      const packed = await gather(compress([content], { format }));
      assertEquals(inflate(packed, { compression: format }), content);
      if (format === "gzip") assertEquals(new Uint8Array(gunzipSync(packed)), content);
    }
  }
  const frame = await gather(compress([sample(9)], { format: "zstd" }));
  assertEquals(new Uint8Array(zstdDecompressSync(frame)), sample(9));
});

Deno.test("the size of the chunks does not change what compress writes", async () => {
  const content = sample(2 * MIB + 99);
  for (const format of ["gzip", "zstd", "none"] as const) {
    const whole = sha256(await gather(compress([content], { format })));
    for (const step of [777, 65536, MIB]) {
      const source = (function* () {
        for (let at = 0; at < content.length; at += step) yield content.subarray(at, at + step);
      })();
      assertEquals(sha256(await gather(compress(source, { format }))), whole);
    }
  }
});

Deno.test("compress writes one gzip member without data of the machine", async () => {
  const packed = await gather(compress([sample(3 * MIB)], { format: "gzip" }));
  assertEquals([...packed.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const end = packed.subarray(-8);
  const view = new DataView(end.buffer, end.byteOffset);
  assertEquals(view.getUint32(0, true), crc32(sample(3 * MIB)));
  assertEquals(view.getUint32(4, true), 3 * MIB);
});

Deno.test("joined pieces equal the output of compress", async () => {
  const content = sample(2 * PIECE_BYTES.zstd + 1);
  for (const format of ["gzip", "zstd"] as const) {
    const parts = await Array.fromAsync(splitPieces([content], PIECE_BYTES[format]));
    const made: CompressedPiece[] = parts.toReversed().map((part) =>
      structuredClone(compressPiece(part, { format, level: 2 }))
    );
    const joined = await gather(joinPieces(format, made.toReversed()));
    assertEquals(sha256(joined), sha256(await gather(compress([content], { format, level: 2 }))));
    assertEquals(inflate(joined), content);
  }
});

Deno.test("compressPieceInto writes what compressPiece returns, within compressedRoom", async () => {
  // Random bytes that have the long codes among deflate's fixed codes: the worst case for gzip
  // level 1.
  const worst = prng(1).bytes(MIB).map((byte) => byte | 0x90);
  for (const content of [worst, sample(MIB), text("a"), text("")]) {
    const room = new Uint8Array(new SharedArrayBuffer(compressedRoom(content.length)));
    for (const format of ["gzip", "zstd"] as const) {
      for (const level of [1, 6]) {
        const { bytes, ...rest } = compressPieceInto(content, { format, level }, room);
        assertEquals([bytes.buffer, bytes.byteOffset], [room.buffer, 0]);
        const piece = compressPiece(content, { format, level });
        assertEquals({ ...rest, bytes: sha256(bytes.slice()) }, {
          ...piece,
          bytes: sha256(piece.bytes),
        });
        assertEquals(inflate(await gather(joinPieces(format, [piece]))), content);
        const short = room.subarray(0, bytes.length);
        assertThrows(
          () => compressPieceInto(content, { format, level }, short),
          RangeError,
          "into room for",
        );
      }
    }
  }
});

Deno.test("compress accepts the levels of a format and refuses others", async () => {
  const content = sample(300_000);
  for (const [format, low, high] of [["gzip", 0, 9], ["zstd", 1, 19]] as const) {
    const small = await gather(compress([content], { format, level: high }));
    const large = await gather(compress([content], { format, level: low }));
    assertEquals(small.length < large.length, true, `${small.length} < ${large.length}`);
    assertEquals(inflate(large), content);
    assertNotEquals(sha256(small), sha256(large));
    for (const level of [low - 1, high + 1, 1.5, NaN]) {
      assertThrows(() => compressPiece(content, { format, level }), RangeError, "at level");
      await assertRejects(() => gather(compress([content], { format, level })), RangeError);
    }
  }
});

Deno.test("compress rethrows the reason of its signal untouched", async () => {
  for (const format of ["gzip", "zstd", "none"] as const) {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const error = await assertRejects(() => gather(compress([text("x")], { format, signal })));
    assertEquals(error, reason);
  }
});

Deno.test("splitPieces cuts at fixed offsets and gives each piece its own memory", async () => {
  const parts = await Array.fromAsync(splitPieces([text("ab"), text(""), text("cdefg")], 3));
  assertEquals(parts.map((part) => new TextDecoder().decode(part)), ["abc", "def", "g"]);
  assertEquals(new Set(parts.map((part) => part.buffer)).size, 3);
  assertEquals(await Array.fromAsync(splitPieces([], 3)), []);
  await assertRejects(() => Array.fromAsync(splitPieces([], 0)), RangeError);
});

Deno.test("splitPieces asks for memory only when the next piece is wanted", async () => {
  const memory = new Uint8Array(new SharedArrayBuffer(3));
  const seen: string[] = [];
  for await (const piece of splitPieces([text("abcde"), text("f")], 3, () => memory)) {
    assertEquals(piece.buffer, memory.buffer);
    seen.push(new TextDecoder().decode(piece.slice()));
  }
  assertEquals(seen, ["abc", "def"]);
});

Deno.test("crc32Combine equals the CRC-32 of the whole", () => {
  const content = sample(70_000);
  for (const at of [0, 1, 7, 255, 65_536, 69_999, 70_000]) {
    const [a, b] = [content.subarray(0, at), content.subarray(at)];
    assertEquals(crc32Combine(crc32(a), crc32(b), b.length), crc32(content));
  }
  // 5 GiB of zeros, built up by doubling: 32-bit arithmetic would give a wrong result.
  let zeros = crc32(new Uint8Array(MIB));
  for (let length = MIB; length < 4096 * MIB; length *= 2) {
    zeros = crc32Combine(zeros, zeros, length);
  }
  const gib = Array.from({ length: 10 }).reduce<number>(
    (crc, _, i) => crc32Combine(crc, crc, MIB * 2 ** i),
    crc32(new Uint8Array(MIB)),
  );
  assertEquals(crc32Combine(zeros, gib, 1024 * MIB), crc32Combine(gib, zeros, 4096 * MIB));
});
