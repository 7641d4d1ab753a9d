import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { toBytes } from "@std/streams";
import {
  decompress,
  DecompressingStream,
  Decompressor,
  DEFAULT_COMPRESS_LIMITS,
  type Inflater,
} from "../../../../lib/codec/compress/mod.ts";
import { createNodeInflater } from "../../../../lib/codec/compress/node_zlib.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { concat, failure, frame, inflate, member, sample, text, verdict } from "./support.ts";

const MIB = 1024 ** 2;

Deno.test("decompressor reads gzip, zstd and uncompressed streams", () => {
  const content = sample(3 * MIB + 17);
  for (const input of [member(content), frame(content), content]) {
    for (const step of [1 << 14, 65537, input.length]) {
      assertEquals(inflate(input, { step }), content);
    }
  }
});

Deno.test("decompressor counts bytes and members", () => {
  const inputs = { gzip: member(sample(9)), zstd: frame(sample(9)), none: sample(9) };
  for (const [compression, input] of Object.entries(inputs)) {
    const decompressor = new Decompressor();
    decompressor.push(input, () => {});
    assertEquals(decompressor.compression, undefined);
    let length = 0;
    decompressor.end((bytes) => length += bytes.length);
    assertEquals(length, 9);
    assertEquals(decompressor.compression as string, compression);
    assertEquals(decompressor.bytesIn, input.length);
    assertEquals(decompressor.bytesOut, 9);
    assertEquals(decompressor.members, compression === "none" ? 0 : 1);
  }
});

Deno.test("decompressor uses a given compression and checks it", () => {
  assertEquals(inflate(member(text("x")), { compression: "none" }), member(text("x")));
  assertEquals(verdict(text("no gzip"), { compression: "gzip" }), "E_FORMAT");
  assertEquals(verdict(text("no zstd"), { compression: "zstd" }), "E_FORMAT");
  assertEquals(verdict(text(""), { compression: "gzip" }), "E_TRUNCATED");
  assertEquals(verdict(text(""), { compression: "zstd" }), "E_TRUNCATED");
  assertEquals(inflate(text("")), text(""));
});

Deno.test("decompressor gives full pieces even when members are tiny", () => {
  const one = member(sample(100));
  const input = concat(...Array.from({ length: 30_000 }, () => one));
  const lengths: number[] = [];
  const decompressor = new Decompressor();
  decompressor.push(input, (bytes) => lengths.push(bytes.length));
  decompressor.end(() => {});
  assertEquals(lengths.slice(0, -1).every((length) => length === 256 * 1024), true);
  assertEquals(lengths.length, Math.ceil(3_000_000 / (256 * 1024)));
});

Deno.test("decompressor fills given memory, also shared memory", () => {
  const content = sample(1000);
  const buffers = [1, 2, 300, 5000].map((n) => new Uint8Array(new SharedArrayBuffer(n)));
  for (const input of [member(content), frame(content)]) {
    let i = 0;
    const seen: [number, number][] = [];
    const nextBuffer = (): Uint8Array => buffers[i++]!;
    const decompressor = new Decompressor({ nextBuffer });
    const sink = (bytes: Uint8Array): void => {
      assertStrictEquals(bytes.buffer, buffers[i - 1]!.buffer);
      seen.push([bytes.byteOffset, bytes.length]);
    };
    decompressor.push(input, sink);
    decompressor.end(sink);
    assertEquals(seen, [[0, 1], [0, 2], [0, 300], [0, 697]]);
    assertEquals(concat(...buffers).subarray(0, 1000), content);
  }
  assertThrows(
    () => inflate(member(content), { nextBuffer: () => new Uint8Array(0) }),
    RangeError,
    "no memory",
  );
});

Deno.test("decompressor takes views at any offset, also of shared memory", () => {
  for (const input of [member(sample(5000)), frame(sample(5000))]) {
    const shared = new Uint8Array(new SharedArrayBuffer(input.length + 7)).subarray(7);
    shared.set(input);
    assertEquals(inflate(shared, { step: 13 }), sample(5000));
  }
});

Deno.test("decompressor throws its first error again on every call", () => {
  const decompressor = new Decompressor({ compression: "gzip" });
  const push = (): void => decompressor.push(text("garbage"), () => {});
  const error = assertThrows(push, VarveError);
  assertStrictEquals(assertThrows(push), error);
  assertStrictEquals(assertThrows(() => decompressor.end(() => {})), error);
  decompressor.close();
  decompressor.close();
});

Deno.test("decompressor rethrows the error of a sink and closes", () => {
  const mine = new Error("mine");
  const decompressor = new Decompressor();
  const input = member(sample(1000));
  const push = (): void =>
    decompressor.push(concat(input, input, input, input, input), () => {
      throw mine;
    });
  assertStrictEquals(assertThrows(push), mine);
  const ended = new Decompressor();
  ended.end(() => {});
  assertThrows(() => ended.push(input, () => {}), TypeError, "closed");
});

Deno.test("pushSome bounds the output of one call", () => {
  const zeros = new Uint8Array(90 * MIB);
  for (const input of [member(zeros, { level: 9 }), frame(zeros)]) {
    using decompressor = new Decompressor();
    let most = 0;
    let total = 0;
    let now = 0;
    const sink = (bytes: Uint8Array): void => void (now += bytes.length);
    for (let at = 0; at < input.length;) {
      now = 0;
      at = decompressor.pushSome(input, at, sink);
      most = Math.max(most, now);
      total += now;
    }
    decompressor.end(sink);
    assertEquals(total, zeros.length);
    assertEquals(most <= 32 * MIB, true, `${most} bytes at once`);
  }
});

Deno.test("decompressor closes a given inflater at its end", () => {
  const log: string[] = [];
  const createInflater = (): Inflater => {
    const inflater = createNodeInflater();
    const close = inflater.close.bind(inflater);
    return Object.assign(inflater, { close: (): void => (log.push("close"), close()) });
  };
  assertEquals(inflate(member(text("x")), { createInflater }), text("x"));
  assertEquals(verdict(member(text("x")).subarray(0, 20), { createInflater }), "E_TRUNCATED");
  assertEquals(log.length >= 2, true);
});

Deno.test("decompressor works with an inflater that checks the trailer itself", () => {
  const createInflater = (): Inflater => trailerChecking(createNodeInflater());
  const input = concat(member(sample(70_000)), new Uint8Array(9), member(text("end")));
  for (const step of [1, 1000, input.length]) {
    assertEquals(
      inflate(input, { createInflater, step }),
      concat(sample(70_000), text("end")),
    );
  }
  assertEquals(verdict(input.subarray(0, -1), { createInflater, step: 1 }), "E_TRUNCATED");
  assertEquals(verdict(concat(input, text("x")), { createInflater }), "E_TRAILING");
});

/**
 * Makes an inflater that reads the 8 bytes behind the deflate stream too, as libraries that read
 * whole members do.
 */
function trailerChecking(raw: Inflater): Inflater {
  let left = -1;
  const self = {
    checksTrailer: true,
    consumed: 0,
    produced: 0,
    reset: (): void => {
      left = -1;
      raw.reset();
    },
    write: (input: Uint8Array, start: number, end: number, output: Uint8Array, at: number) => {
      self.consumed = self.produced = 0;
      if (left < 0) {
        if (raw.write(input, start, end, output, at)) left = 8;
        self.consumed = raw.consumed;
        self.produced = raw.produced;
      }
      if (left >= 0) {
        const taken = Math.min(left, end - start - self.consumed);
        left -= taken;
        self.consumed += taken;
      }
      return left === 0;
    },
    close: (): void => raw.close(),
  };
  return self;
}

Deno.test("an inflater that makes no progress is an error, not a hang", () => {
  const createInflater = (): Inflater => ({
    checksTrailer: false,
    consumed: 0,
    produced: 0,
    reset: () => {},
    write: () => false,
    close: () => {},
  });
  assertEquals(verdict(member(text("x")), { createInflater }), "E_FORMAT");
});

Deno.test("decompress gives pieces that the caller may keep", async () => {
  const content = sample(MIB);
  for (const input of [member(content), frame(content)]) {
    const pieces: Uint8Array[] = [];
    for await (const piece of decompress([input.subarray(0, 999), input.subarray(999)])) {
      pieces.push(piece);
    }
    assertEquals(concat(...pieces), content);
  }
});

Deno.test("decompress rethrows the reason of its signal untouched", async () => {
  const controller = new AbortController();
  const reason = { why: "enough" };
  const run = async (): Promise<void> => {
    for await (const _ of decompress([sample(1000), sample(1000)], controller)) {
      controller.abort(reason);
    }
  };
  let thrown: unknown;
  await run().catch((error) => thrown = error);
  assertStrictEquals(thrown, reason);
});

Deno.test("decompressing stream gives the content or the error", async () => {
  const content = sample(MIB);
  const stream = ReadableStream.from([member(content), member(content)]);
  assertEquals(
    await toBytes(stream.pipeThrough(new DecompressingStream())),
    concat(content, content),
  );
  const cut = ReadableStream.from([member(content).subarray(0, 100)]);
  const error = await assertRejects(
    () => toBytes(cut.pipeThrough(new DecompressingStream())),
    VarveError,
  );
  assertEquals(error.code, "E_TRUNCATED");
});

Deno.test("decompressing stream can be cancelled", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(member(sample(1000))),
    cancel: () => void (cancelled = true),
  });
  const reader = endless.pipeThrough(new DecompressingStream()).getReader();
  assertEquals((await reader.read()).done, false);
  await reader.cancel("enough");
  assertEquals(cancelled, true);
});

Deno.test("limits have their documented defaults, and must be numbers", () => {
  assertEquals(DEFAULT_COMPRESS_LIMITS, {
    layerBytes: 64 * 1024 ** 3,
    ratio: 1000,
    ratioFromBytes: 100 * MIB,
    members: 1_000_000,
    gzipHeaderBytes: 256 * 1024,
    zstdWindowBytes: 128 * MIB,
  });
  for (const limits of [{ members: -1 }, { ratio: NaN }, { zstdWindowBytes: 2 ** 32 }]) {
    assertThrows(() => new Decompressor({ limits }), RangeError, "Cannot limit");
  }
});

Deno.test("a limit error names the setting and a hint", () => {
  const error = failure(member(text("four")), { limits: { layerBytes: 3 } });
  assertEquals(error?.code, "E_LIMIT");
  assertEquals(error?.details.setting, "limits.layerBytes");
  assertEquals([error?.details.expected, error?.details.actual], [3, 4]);
});
