/** Rows D of the reader: where archives end, how they are cut, and its limits. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_TAR_LIMITS, TarReader } from "../../../lib/codec/tar/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import {
  base256,
  body,
  Collector,
  concat,
  END,
  file,
  gnuLong,
  header,
  pathsOf,
  pax,
  readTar,
  verdict,
} from "../../support/tar/raw_blocks.ts";

const GARBAGE = new Uint8Array(512).fill(0x67);

/** One of everything: each state of the reader has its bytes. */
const PARTS = [
  pax([["comment", "global"]], "g"),
  header({ name: "dir/", type: "5", mode: 0o755 }),
  file("dir/file", "hello world".repeat(100)),
  gnuLong("L", "long/".repeat(150)),
  gnuLong("K", "target/".repeat(90)),
  header({ name: "short", type: "2", dialect: "gnu" }),
  pax([["path", "p".repeat(600)], ["mtime", "1.5"], ["SCHILY.xattr.user.a", "b".repeat(700)]]),
  file("x", "y".repeat(512)),
  gnuSparse(),
  pax([["GNU.sparse.major", "1"], ["GNU.sparse.minor", "0"], ["GNU.sparse.realsize", "5000"]]),
  header({ name: "sparse", size: 512 + 10 }),
  body("2\n100\n4\n4000\n6\n".padEnd(512, "\0") + "aaaabbbbbb"),
  file("last", "z"),
];
const EVERYTHING = concat(...PARTS, END);
/** Bytes of padding after the entries among the parts, by the index of the part. */
const PADDINGS: Readonly<Record<number, number>> = {
  2: 512 * 3 - 1100,
  8: 512 - 25,
  11: 512 - 10,
  12: 511,
};

Deno.test("D33 what follows two zero blocks is no entry, and is no error", () => {
  const tar = concat(file("a", "x"), END, file("b", "y"), GARBAGE, new Uint8Array(7).fill(1));
  assertEquals(pathsOf(tar), ["a"]);
  const reader = new TarReader(new Collector());
  reader.push(tar);
  assert(reader.sawEndMark);
  assertEquals(reader.position, tar.length);
  assertEquals(reader.entries, 1);
  reader.end();
});

Deno.test("D34 an archive that is cut anywhere but between entries is E_TRUNCATED", () => {
  const whole = new Set<number>([0]);
  // The offsets where an archive may end: in front of every header block, and after it the marks.
  const parts = [file("a", "xyz"), pax([["path", "b"]]), file("c", "x".repeat(512)), header()];
  let at = 0;
  for (const part of parts) whole.add(at += part.length);
  const tar = concat(...parts, END);
  whole.add(at + 512).add(at + 1024);
  // The padding of `a`. That of the PAX header is not the padding of an entry.
  for (let length = 512 + 3; length < 1024; length++) whole.add(length);
  for (let length = 0; length <= tar.length; length++) {
    const expected = whole.has(length) ? "OK" : "E_TRUNCATED";
    assertEquals(verdict(tar.subarray(0, length)), expected, `${length} bytes`);
  }
});

Deno.test("D34 each part of each kind of entry can be cut, and none but the last padding may be", () => {
  const whole = new Set<number>();
  let end = 0;
  for (const [i, part] of PARTS.entries()) {
    end += part.length;
    for (let left = 0; left <= (PADDINGS[i] ?? 0); left++) whole.add(end - left);
  }
  for (let length = 1; length < EVERYTHING.length - 1024; length++) {
    if (length % 512 === 0) continue;
    const expected = whole.has(length) ? "OK" : "E_TRUNCATED";
    assertEquals(verdict(EVERYTHING.subarray(0, length)), expected, `${length} bytes`);
  }
});

Deno.test("D34 a reader says whether the last padding was cut, however the bytes come", () => {
  const tar = file("a", "xyz");
  for (const [length, isCut] of [[515, true], [516, true], [1023, true], [1024, false]] as const) {
    for (const step of [1, 100, 512, length]) {
      const collector = new Collector();
      const reader = new TarReader(collector);
      for (let at = 0; at < length; at += step) {
        reader.push(tar.subarray(at, Math.min(at + step, length)));
      }
      assert(!reader.endsInPadding);
      reader.end();
      assertEquals(reader.endsInPadding, isCut, `${length} bytes by ${step}`);
      assertEquals(collector.told.map(({ content, ended }) => [content, ended]), [["xyz", true]]);
    }
  }
});

Deno.test("D35 empty layers: no bytes, one zero block, only the end mark", () => {
  for (const length of [0, 512, 1024, 10240]) {
    assertEquals(readTar(new Uint8Array(length)), []);
  }
  for (const length of [1, 511, 513, 1023]) {
    assertEquals(verdict(new Uint8Array(length)), "E_TRUNCATED", `${length}`);
  }
});

Deno.test("a single zero block followed by anything is an error, at its end it is none", () => {
  const zero = new Uint8Array(512);
  assertEquals(verdict(concat(file("a"), zero)), "OK");
  assertEquals(verdict(concat(file("a"), zero, file("b"))), "E_HEADER");
  assertEquals(verdict(concat(file("a"), zero, GARBAGE)), "E_HEADER");
  assertEquals(verdict(concat(file("a"), zero, new Uint8Array(100))), "E_TRUNCATED");
  assertEquals(verdict(concat(file("a"), GARBAGE)), "E_HEADER");
});

Deno.test("D41 however the bytes are cut, the same is told", () => {
  const expected = readTar(EVERYTHING);
  assertEquals(expected.length, 7);
  for (const step of [1, 2, 3, 7, 100, 511, 512, 513, 1000, 1024, 4096]) {
    assertEquals(readTar(EVERYTHING, { step }), expected, `chunks of ${step}`);
  }
  // Chunks that do not lie at a multiple of four bytes take another way through the checksum.
  for (const shift of [1, 2, 3]) {
    const shifted = new Uint8Array(EVERYTHING.length + shift).subarray(shift);
    shifted.set(EVERYTHING);
    assertEquals(readTar(shifted), expected, `shifted by ${shift}`);
  }
});

Deno.test("D41 an error is the same however the bytes are cut", () => {
  for (const bad of [GARBAGE, pax("nonsense"), header({ type: "s" })]) {
    const tar = concat(EVERYTHING.subarray(0, EVERYTHING.length - 1024), bad, GARBAGE);
    const messages = [1, 511, 512, 513, tar.length].map((step) =>
      assertThrows(() => readTar(tar, { step }), VarveError).message
    );
    assertEquals(new Set(messages).size, 1, messages.join("\n"));
  }
});

Deno.test("D42 a reader that failed, or whose handler did, takes no more", () => {
  const stop = new Error("stop");
  const handler = new Collector();
  handler.data = () => {
    throw stop;
  };
  const reader = new TarReader(handler);
  assertEquals(assertThrows(() => reader.push(file("a", "x"))), stop);
  assertThrows(() => reader.push(END), TypeError, "failed or ended");
  assertThrows(() => reader.end(), TypeError, "failed or ended");

  const ended = new TarReader(new Collector());
  ended.end();
  assertThrows(() => ended.push(END), TypeError, "failed or ended");
});

Deno.test("padding that is not zero is told, once, and changes nothing else", () => {
  const clean = file("a", "xyz");
  const dirty = clean.slice();
  dirty[700] = 1;
  dirty[1000] = 2;
  const tar = concat(clean, dirty, clean, END);
  for (const step of [1, 512, tar.length]) {
    const told = readTar(tar, { step });
    assertEquals(told.map((t) => t.dirtyPadding), [false, true, false]);
    assertEquals(told.map((t) => t.content), ["xyz", "xyz", "xyz"]);
  }
  // The padding of a meta header belongs to no file.
  const meta = pax([["path", "b"]]);
  meta[1000] = 1;
  assertEquals(readTar(concat(meta, clean)).map((t) => t.dirtyPadding), [false]);
});

Deno.test("the default limits", () => {
  assertEquals(DEFAULT_TAR_LIMITS, {
    metaHeaderBytes: 1_048_576,
    metaBytes: 536_870_912,
    sparseMapBytes: 1_048_576,
    pathBytes: 65_536,
    longNames: 16,
    layerBytes: 68_719_476_736,
    entries: 5_000_000,
  });
});

Deno.test("each limit holds at limit − 1 and limit, and not at limit + 1", () => {
  const after = header({ name: "f" });
  const cases: Record<keyof typeof DEFAULT_TAR_LIMITS, (n: number) => Uint8Array> = {
    metaHeaderBytes: (n) => concat(gnuLong("L", "n".repeat(n), false), after),
    metaBytes: (n) =>
      concat(
        gnuLong("L", "n".repeat(400), false),
        after,
        gnuLong("L", "n".repeat(n - 400), false),
        after,
      ),
    sparseMapBytes: (n) => gnuSparse(n / 512 - 1),
    pathBytes: (n) => concat(pax([["path", "n".repeat(n)]]), after),
    longNames: (n) => concat(...Array(n).fill(gnuLong("L", "n")), after),
    layerBytes: (n) => concat(file("a", "x".repeat(600)), new Uint8Array(n - 1536)),
    entries: (n) => concat(...Array(n).fill(file("a", "x"))),
  };
  const steps = { sparseMapBytes: 512, layerBytes: 512 } as Record<string, number>;
  const limits = {
    metaHeaderBytes: 1000,
    metaBytes: 1200,
    sparseMapBytes: 2048,
    pathBytes: 300,
    longNames: 5,
    layerBytes: 10240,
    entries: 7,
  };
  for (const name of Object.keys(cases) as (keyof typeof cases)[]) {
    const step = steps[name] ?? 1;
    const at = (n: number) => verdict(cases[name](n), { limits: { [name]: limits[name] } });
    assertEquals(at(limits[name] - step), "OK", name);
    assertEquals(at(limits[name]), "OK", name);
    const code = name === "pathBytes" ? "E_NAME_TOO_LONG" : "E_LIMIT";
    assertEquals(at(limits[name] + step), code, name);
  }
});

Deno.test("maps of sparse files count as meta headers do", () => {
  const maps = concat(gnuSparse(1), gnuSparse(1));
  assertEquals(verdict(maps, { limits: { metaBytes: 2048 } }), "OK");
  assertEquals(verdict(maps, { limits: { metaBytes: 512 } }), "E_LIMIT");
});

Deno.test("a limit error names its setting and comes before the bytes do", () => {
  const limits = { metaHeaderBytes: 10, layerBytes: 4096 };
  const meta = header({ type: "x", size: 11 });
  const error = assertThrows(() => readTar(meta, { limits }), VarveError);
  assertEquals(error.details.setting, "limits.metaHeaderBytes");
  const large = header({ name: "f", size: 4096 });
  assertEquals(verdict(large, { limits }), "E_LIMIT");
  assertEquals(verdict(header({ name: "f", size: 4096 - 512 }), { limits }), "E_TRUNCATED");
});

Deno.test("A35 a hard link's target is bounded as a path is", () => {
  const link = (n: number) =>
    concat(pax([["linkpath", "n".repeat(n)]]), header({ name: "l", type: "1" }));
  assertEquals(verdict(link(65_536)), "OK");
  assertEquals(verdict(link(65_537)), "E_NAME_TOO_LONG");
});

Deno.test("limits that are none are the caller's mistake", () => {
  for (const entries of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new TarReader(new Collector(), { limits: { entries } }), RangeError);
  }
});

Deno.test("positions and sizes beyond 2^32 are exact", () => {
  // The bytes of the first file are pushed from one small buffer.
  const size = 2 ** 32 + 2 ** 20 + 3;
  const told: { path: string; extents: unknown; at: number }[] = [];
  let seen = 0;
  const reader = new TarReader({
    entry: (entry) => told.push({ path: entry.path, extents: entry.extents, at: reader.position }),
    data: (chunk) => seen += chunk.length,
    hole: () => {},
    endEntry: () => {},
  });
  reader.push(header({ name: "big", size }));
  const piece = new Uint8Array(1 << 24);
  for (let left = Math.ceil(size / 512) * 512; left > 0;) {
    const length = Math.min(left, piece.length);
    reader.push(length === piece.length ? piece : piece.subarray(0, length));
    left -= length;
  }
  reader.push(concat(file("tail", "x"), END));
  reader.end();
  const tail = 512 + Math.ceil(size / 512) * 512 + 512;
  assertEquals(seen, size + 1);
  assertEquals(told, [
    { path: "big", extents: [{ logical: 0, length: size, position: 512 }], at: 512 },
    { path: "tail", extents: [{ logical: 0, length: 1, position: tail }], at: tail },
  ]);
});

/** An old GNU sparse file whose map has that many extension blocks; its runs are single bytes. */
function gnuSparse(extensions = 1): Uint8Array {
  const runs = 4 + 21 * extensions;
  const entry = (i: number) => `${octal(i * 1024)}${octal(1)}`;
  const map = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => entry(from + i)).join("");
  const blocks = Array.from(
    { length: extensions },
    (_, i) => body((map(4 + 21 * i, 21) + (i + 1 < extensions ? "\x01" : "")).padEnd(512, "\0")),
  );
  const head = header({
    name: "gnu-sparse",
    type: "S",
    dialect: "gnu",
    size: base256(BigInt(runs), 12),
    patches: [[386, map(0, 4)], [482, extensions > 0 ? "\x01" : "\0"], [483, octal(runs * 1024)]],
  });
  return concat(head, ...blocks, body("r".repeat(runs)));
}

function octal(value: number): string {
  return value.toString(8).padStart(11, "0") + "\0";
}
