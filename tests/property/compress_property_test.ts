import { assertEquals } from "@std/assert";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  compress,
  compressPiece,
  Decompressor,
  joinPieces,
  splitPieces,
} from "../../lib/codec/compress/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { forSeeds, type Prng } from "../support/prng.ts";
import { concat, frame, inflate, member, skippable } from "../unit/codec/compress/support.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Format = "gzip" | "zstd";
const FORMATS = ["gzip", "zstd"] as const;

/** Random bytes, runs, or a mixture of both: 0 to 6000 bytes, mostly few. */
function content(random: Prng): Bytes {
  const length = random.int(0, random.pick([2, 60, 700, 6000]));
  const out = random.bytes(length);
  const alphabet = random.pick([1, 2, 16, 256]);
  for (let i = 0; i < length; i++) out[i]! %= alphabet;
  if (random.chance(0.3) && length > 10) out.copyWithin(length >> 1, 0);
  return out;
}

/** A gzip member or zstd frame with random optional parts. */
function part(random: Prng, format: Format, bytes: Uint8Array): Bytes {
  if (format === "zstd") return frame(bytes, { checksum: true });
  const maybe = (most: number): Bytes | undefined =>
    random.chance(0.2) ? random.bytes(random.int(0, most)).map((byte) => byte | 1) : undefined;
  const [extra, name, comment] = [maybe(300), maybe(20), maybe(20)];
  return member(bytes, {
    level: random.int(0, 10),
    ...(extra === undefined ? {} : { extra }),
    ...(name === undefined ? {} : { name }),
    ...(comment === undefined ? {} : { comment }),
    ...(random.chance(0.2) ? { headerCrc: true } : {}),
  });
}

/** A stream of one to four parts with padding, and its content. */
function stream(random: Prng, format: Format): { input: Bytes; output: Bytes } {
  const input: Bytes[] = [];
  const output: Bytes[] = [];
  for (let i = random.int(1, 5); i > 0; i--) {
    const bytes = content(random);
    if (format === "zstd" && random.chance(0.3)) {
      input.push(skippable(random.bytes(random.int(0, 40)), random.int(0, 16)));
    }
    input.push(part(random, format, bytes));
    output.push(bytes);
    if (random.chance(0.2)) input.push(new Uint8Array(random.int(1, 600)));
  }
  return { input: concat(...input), output: concat(...output) };
}

/** The result of reading: the bytes, or the code of the error. */
function outcome(pieces: readonly Uint8Array[], compression?: Format): Bytes | string {
  try {
    return inflate(pieces, compression === undefined ? {} : { compression });
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

Deno.test("compress: read(write(x)) = x for all pieces, levels and chunks", async () => {
  await forSeeds(1000, async (random) => {
    const bytes = content(random);
    const format = random.pick(FORMATS);
    const level = random.int(1, 8);
    const pieces = splitPieces(random.split(bytes), random.int(1, 3000));
    const made = [];
    for await (const piece of pieces) made.push(compressPiece(piece, { format, level }));
    const packed = concat(...await Array.fromAsync(joinPieces(format, made)));
    assertEquals(inflate(random.split(packed)), bytes);
    // Another reader agrees. The one for zstd stops behind the first frame.
    if (format === "gzip") assertEquals(new Uint8Array(gunzipSync(packed)), bytes);
    else if (made.length === 1) assertEquals(new Uint8Array(zstdDecompressSync(packed)), bytes);
    const whole = await Array.fromAsync(compress(random.split(bytes), { format, level }));
    assertEquals(inflate(whole), bytes);
  });
});

Deno.test("compress: many members or frames are read as one stream, for all chunks", async () => {
  await forSeeds(1000, (random) => {
    const { input, output } = stream(random, random.pick(FORMATS));
    assertEquals(inflate(input), output);
    assertEquals(inflate(random.split(input, random.pick([1, 3, 30, 700]))), output);
  });
});

Deno.test("compress: the error for a damaged stream does not depend on the chunks", async () => {
  await forSeeds(1000, (random) => {
    const format = random.pick(FORMATS);
    const { input } = stream(random, format);
    for (let i = random.int(1, 4); i > 0; i--) {
      const at = random.int(0, input.length);
      if (random.chance(0.5)) input[at]! ^= 1 << random.int(0, 8);
      else input[at] = random.pick([0, 0x1f, 0x28, 0xff]);
    }
    const damaged = random.chance(0.3) ? input.subarray(0, random.int(0, input.length)) : input;
    const whole = outcome([damaged], format);
    assertEquals(outcome(random.split(damaged, random.pick([1, 3, 30])), format), whole);
    assertEquals(outcome([damaged]), outcome(random.split(damaged, 30)));
  });
});

Deno.test("compress: a stream cut at any byte is E_TRUNCATED, unless a part ends there", async () => {
  await forSeeds(60, (random) => {
    const format = random.pick(FORMATS);
    const first = random.bytes(random.int(0, 120));
    const second = random.bytes(random.int(0, 120));
    const head = part(random, format, first);
    const input = concat(head, new Uint8Array(3), part(random, format, second));
    for (let length = 0; length < input.length; length++) {
      const between = length >= head.length && length <= head.length + 3;
      assertEquals(
        outcome([input.subarray(0, length)], format),
        between ? first : "E_TRUNCATED",
        `cut at ${length}`,
      );
    }
  });
});

Deno.test("compress: one wrong bit never gives other bytes", async () => {
  await forSeeds(1000, (random) => {
    const format = random.pick(FORMATS);
    const bytes = content(random);
    const input = part(random, format, bytes);
    input[random.int(0, input.length)]! ^= 1 << random.int(0, 8);
    const got = outcome([input], format);
    if (typeof got !== "string") assertEquals(got, bytes);
  });
});

Deno.test("compress: bytes are counted exactly, in and out", async () => {
  await forSeeds(200, (random) => {
    const format = random.pick(FORMATS);
    const { input, output } = stream(random, format);
    const decompressor = new Decompressor();
    let length = 0;
    const sink = (piece: Uint8Array): void => void (length += piece.length);
    for (const piece of random.split(input)) decompressor.push(piece, sink);
    decompressor.end(sink);
    assertEquals([decompressor.bytesIn, decompressor.bytesOut], [input.length, output.length]);
    assertEquals(length, output.length);
    assertEquals(decompressor.compression, format);
  });
});
