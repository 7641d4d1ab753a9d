import { assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { Decompressor } from "../../lib/codec/compress/mod.ts";
import { run } from "../support/machine/process.ts";
import {
  concat,
  failure,
  frame,
  inflate,
  littleEndian,
  member,
  rawFrame,
  sample,
  skippable,
  text,
  verdict,
} from "../unit/codec/compress/support.ts";

const MIB = 1024 ** 2;
const ROOT = new URL("../../", import.meta.url).pathname;
/** Steps at which every row is also read, so that no verdict depends on the cut. */
const STEPS = [1, 7, 65536];

function judge(input: Uint8Array, expected: string, limits: object = {}): void {
  for (const step of STEPS) assertEquals(verdict(input, { step, limits }), expected);
}

Deno.test("E01 a bomb is stopped by its ratio and hands out no more than allowed", () => {
  const zeros = new Uint8Array(128 * MIB);
  for (const input of [member(zeros, { level: 9 }), frame(zeros)]) {
    let length = 0;
    const decompressor = new Decompressor();
    let code = "";
    try {
      decompressor.push(input, (bytes) => length += bytes.length);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assertEquals(code, "E_LIMIT");
    assertEquals(length <= 101 * MIB, true);
  }
  const error = failure(member(zeros, { level: 9 }));
  assertEquals(error?.details.setting, "limits.ratio");
});

Deno.test("E01 the absolute limit comes first, and holds to the byte", () => {
  const content = sample(5000);
  for (const input of [member(content), frame(content), content]) {
    for (const step of STEPS) {
      assertEquals(verdict(input, { step, limits: { layerBytes: 4999 } }), "E_LIMIT");
      assertEquals(verdict(input, { step, limits: { layerBytes: 5000 } }), "OK");
      assertEquals(verdict(input, { step, limits: { layerBytes: 5001 } }), "OK");
    }
  }
  const limits = { layerBytes: MIB, ratio: 1, ratioFromBytes: 0 };
  const error = failure(member(new Uint8Array(2 * MIB)), { limits });
  assertEquals(error?.details.setting, "limits.ratio");
  const first = failure(member(new Uint8Array(2 * MIB)), { limits: { ...limits, layerBytes: 9 } });
  assertEquals(first?.details.setting, "limits.layerBytes");
});

Deno.test("E01 the ratio is judged past its threshold only", () => {
  const input = member(new Uint8Array(50_000));
  const ratio = 50_000 / input.length;
  judge(input, "OK", { ratio: 10, ratioFromBytes: 50_000 });
  judge(input, "E_LIMIT", { ratio: 10, ratioFromBytes: 49_999 });
  judge(input, "OK", { ratio: Math.ceil(ratio) * 4, ratioFromBytes: 1000 });
  // Below the ratio at the end is not enough: the bomb may stand in front.
  judge(concat(input, member(sample(9), { level: 0 })), "E_LIMIT", {
    ratio: 10,
    ratioFromBytes: 49_999,
  });
});

Deno.test("E01 a bomb inside of a gzip is not unpacked twice", () => {
  const inner = member(new Uint8Array(MIB));
  assertEquals(inflate(member(inner)), inner);
});

Deno.test("E02 a zstd window over the limit is refused before memory is taken", () => {
  const content = text("ABC");
  const log = (n: number): number => (n - 10) << 3;
  judge(rawFrame(content, { window: log(31) }), "E_LIMIT");
  judge(rawFrame(content, { window: log(28) }), "E_LIMIT");
  judge(rawFrame(content, { window: log(27) + 1 }), "E_LIMIT");
  judge(rawFrame(content, { window: log(27) }), "OK");
  judge(rawFrame(content, { window: log(41) | 7 }), "E_LIMIT");
  const error = failure(rawFrame(content, { window: log(31) }));
  assertEquals(error?.details.setting, "limits.zstdWindowBytes");
  assertEquals(error?.details.actual, 2 ** 31);
  // The setting counts in both directions.
  judge(rawFrame(content, { window: log(20) }), "E_LIMIT", { zstdWindowBytes: MIB - 1 });
  judge(rawFrame(content, { window: log(20) }), "OK", { zstdWindowBytes: MIB });
  judge(rawFrame(content, { window: log(20) }), "OK", { zstdWindowBytes: MIB + 1 });
  judge(rawFrame(content, { window: log(28) }), "OK", { zstdWindowBytes: 256 * MIB });
});

Deno.test("E02 a frame of one segment has its content for a window", () => {
  // Descriptor: single segment, content size of 8 bytes.
  const huge = concat(
    new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xe0]),
    littleEndian(2 ** 40, 8),
    littleEndian(1, 3),
  );
  judge(huge, "E_LIMIT");
});

Deno.test("E03 a zstd content size that is a lie is refused", () => {
  const content = text("ABC");
  judge(rawFrame(content, { stated: 3 }), "OK");
  judge(rawFrame(content, { stated: 2 }), "E_FORMAT");
  judge(rawFrame(content, { stated: 4 }), "E_FORMAT");
  judge(rawFrame(content, { stated: 255 }), "E_FORMAT");
  judge(rawFrame(content, { window: 0 }), "OK");
});

Deno.test("E03 zstd frames, skippable ones first, between and last, are read to the end", () => {
  const [a, b] = [sample(70_000), text("tail")];
  const input = concat(
    skippable(text("first"), 15),
    skippable(text("")),
    frame(a),
    skippable(new Uint8Array(1000).fill(0xfd)),
    frame(text("")),
    frame(b, { checksum: false }),
    skippable(text("toc of a seekable archive"), 13),
  );
  for (const step of STEPS) assertEquals(inflate(input, { step }), concat(a, b));
  assertEquals(inflate(skippable(text("x"))), text(""));
});

Deno.test("E03 a zstd dictionary, reserved bits and block types are refused", () => {
  const content = text("ABC");
  judge(rawFrame(content, { stated: 3, dictionaryId: 7 }), "E_FORMAT");
  judge(rawFrame(content, { stated: 3, dictionaryId: 0 }), "OK");
  judge(rawFrame(content, { stated: 3, reservedBit: true }), "E_FORMAT");
  judge(rawFrame(content, { stated: 3, blockType: 3 }), "E_FORMAT");
  assertStringIncludes(
    failure(rawFrame(content, { stated: 3, dictionaryId: 7 }))?.message ?? "",
    "dictionary 7",
  );
});

Deno.test("E03 a zstd checksum that differs is refused", () => {
  const input = frame(sample(5000));
  for (let i = 1; i <= 4; i++) {
    const bad = input.slice();
    bad[bad.length - i]! ^= 0x10;
    judge(bad, "E_FORMAT");
  }
});

Deno.test("E05 a million empty members are read in linear time", () => {
  const empty = member(new Uint8Array(0));
  const tail = member(text("tail"));
  const many = (count: number): Uint8Array => {
    const out = new Uint8Array(count * empty.length + tail.length);
    for (let i = 0; i < count; i++) out.set(empty, i * empty.length);
    out.set(tail, count * empty.length);
    return out;
  };
  const input = many(999_999);
  assertEquals(inflate(input), text("tail"));
  // One more is one too many.
  assertEquals(verdict(many(1_000_000)), "E_LIMIT");
});

Deno.test("E05 the number of members and frames is limited", () => {
  for (const one of [member(text("x")), frame(text("x")), skippable(text("x"))]) {
    const three = concat(one, one, one);
    judge(three, "E_LIMIT", { members: 2 });
    judge(three, "OK", { members: 3 });
    judge(three, "OK", { members: 4 });
    const error = failure(three, { limits: { members: 2 } });
    assertEquals(error?.details.setting, "limits.members");
  }
});

Deno.test("E06 trailing NULs are read, and a member behind them is not lost", () => {
  const nuls = new Uint8Array(1024);
  for (const one of [member(text("one")), frame(text("one"))]) {
    for (const step of STEPS) {
      assertEquals(inflate(concat(one, nuls), { step }), text("one"));
      assertEquals(inflate(concat(one, nuls, one, nuls), { step }), text("oneone"));
      assertEquals(inflate(concat(one, nuls.subarray(0, 1)), { step }), text("one"));
    }
    const decompressor = new Decompressor();
    decompressor.push(concat(one, nuls), () => {});
    assertEquals(decompressor.bytesIn, one.length + nuls.length);
    decompressor.end(() => {});
  }
});

Deno.test("E07 trailing garbage is refused", () => {
  const nul = new Uint8Array(1);
  const garbage = [
    text("x"),
    text("garbage that is long"),
    concat(nul, text("x")),
    new Uint8Array([0x1f, 0]),
    new Uint8Array([0x28, 0xb5, 0x2f, 0xfc]),
    new Uint8Array([0xff]),
  ];
  for (const more of garbage) {
    judge(concat(member(text("one")), more), "E_TRAILING");
    judge(concat(frame(text("one")), more), "E_TRAILING");
  }
  judge(concat(member(text("one")), frame(text("two"))), "E_TRAILING");
  judge(concat(frame(text("one")), member(text("two"))), "E_TRAILING");
});

Deno.test("E07 a member that is cut behind a whole one is truncated", () => {
  for (const one of [member(text("one")), frame(text("one"))]) {
    for (let length = 1; length < one.length; length++) {
      assertEquals(verdict(concat(one, one.subarray(0, length))), "E_TRUNCATED");
    }
  }
});

Deno.test("E09 gzip's optional fields are skipped, however they are cut", () => {
  const long = new Uint8Array(65_535).fill(0x61);
  const content = text("content");
  const all = { extra: long, name: long, comment: long, headerCrc: true } as const;
  for (const step of STEPS) {
    assertEquals(inflate(member(content, all), { step }), content);
    assertEquals(inflate(member(content, { extra: text("") }), { step }), content);
    assertEquals(inflate(member(content, { name: text("") }), { step }), content);
    assertEquals(
      inflate(member(content, { comment: text("c"), headerCrc: true }), { step }),
      content,
    );
    assertEquals(inflate(member(content, { headerCrc: true }), { step }), content);
    assertEquals(inflate(member(content, { flags: 1 }), { step }), content);
  }
});

Deno.test("E09 a header checksum that differs is refused", () => {
  const long = new Uint8Array(3000).fill(0x61);
  judge(member(text("x"), { headerCrc: "wrong" }), "E_FORMAT");
  judge(member(text("x"), { headerCrc: "wrong", name: long, extra: long }), "E_FORMAT");
  const good = member(text("x"), { headerCrc: true, comment: text("comment") });
  const bad = good.slice();
  bad[12]! ^= 1;
  judge(good, "OK");
  judge(bad, "E_FORMAT");
});

Deno.test("E09 reserved flags and unknown methods are refused", () => {
  for (const flags of [0x20, 0x40, 0x80, 0xe0]) judge(member(text("x"), { flags }), "E_FORMAT");
  for (const method of [0, 7, 9, 255]) judge(member(text("x"), { method }), "E_FORMAT");
});

Deno.test("E09 the length of a header is limited", () => {
  // 10 of the fixed part and the NUL.
  const input = member(text("x"), { name: new Uint8Array(989).fill(0x61) });
  judge(input, "E_LIMIT", { gzipHeaderBytes: 999 });
  judge(input, "OK", { gzipHeaderBytes: 1000 });
  judge(input, "OK", { gzipHeaderBytes: 1001 });
  const endless = concat(member(text("x"), { flags: 8 }).subarray(0, 10), text("a".repeat(MIB)));
  judge(endless.subarray(0, 300_000), "E_LIMIT");
  assertEquals(failure(endless)?.details.setting, "limits.gzipHeaderBytes");
});

Deno.test("E09 a trailer that differs is refused, with both values", () => {
  const content = sample(1000);
  judge(member(content, { crcError: 1 }), "E_FORMAT");
  judge(member(content, { crcError: 0x8000_0000 }), "E_FORMAT");
  judge(member(content, { lengthError: 1 }), "E_FORMAT");
  judge(member(content, { lengthError: 0x8000_0000 }), "E_FORMAT");
  const error = failure(member(content, { lengthError: 1 }));
  assertEquals([error?.details.expected, error?.details.actual], [1001, 1000]);
});

Deno.test("E10 xz and bzip2 are refused by name, not taken for a broken tar", () => {
  judge(new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 0xe6, 0xd6]), "E_COMPRESSION");
  judge(text("BZh91AY&SYxxxxxxxxxxxxxx"), "E_COMPRESSION");
});

Deno.test("E13 no decompressor of PATH is ever started", async () => {
  // Without the right to run anything, a program could not be started even if it were looked for.
  const script = `
    import { Decompressor } from ${
    JSON.stringify(import.meta.resolve("../../lib/codec/compress/mod.ts"))
  };
    const input = Uint8Array.from(JSON.parse(Deno.args[0]));
    let length = 0;
    const decompressor = new Decompressor();
    decompressor.push(input, (bytes) => length += bytes.length);
    decompressor.end((bytes) => length += bytes.length);
    console.log(length);
  `;
  for (const input of [member(sample(900)), frame(sample(900))]) {
    const args = ["run", "--no-prompt", "--quiet", "-", JSON.stringify([...input])];
    const { stdout } = await run([Deno.execPath(), ...args], { stdin: script, cwd: ROOT });
    assertEquals(stdout, "900\n");
  }
});

Deno.test("E14 memory stays bounded while much passes", () => {
  const content = new Uint8Array(64 * MIB);
  for (let i = 0; i < content.length; i += 4096) content[i] = i >> 12;
  const input = member(content, { level: 1 });
  const before = Deno.memoryUsage().external;
  let most = 0;
  let passed = 0;
  using decompressor = new Decompressor({ limits: { ratio: 5000 } });
  for (let round = 0; round < 4; round++) {
    for (let at = 0; at < input.length; at += 65536) {
      decompressor.push(input.subarray(at, at + 65536), (bytes) => passed += bytes.length);
      most = Math.max(most, Deno.memoryUsage().external);
    }
  }
  decompressor.end(() => {});
  assertGreaterOrEqual(passed, 256 * MIB);
  assertEquals(most - before < 16 * MIB, true, `${most - before} bytes more`);
});

Deno.test("a flipped bit anywhere is an error or changes nothing that is not checked", () => {
  const content = sample(400);
  for (const input of [member(content, { name: text("n"), headerCrc: true }), frame(content)]) {
    for (let at = 0; at < input.length; at++) {
      for (const bit of [0x01, 0x80]) {
        const bad = input.slice();
        bad[at]! ^= bit;
        let out: Uint8Array | undefined;
        try {
          out = inflate(bad);
        } catch {
          continue;
        }
        // A changed magic makes it a plain stream; all else that passes must say the same.
        if (at >= 4) assertEquals(out, content, `byte ${at}`);
      }
    }
  }
});
