/** Rows D of the reader: ambiguous and malicious tar headers. What it says, before `layer/` judges. */
import { assertEquals } from "@std/assert";
import {
  base256,
  body,
  concat,
  END,
  file,
  gnuLong,
  header,
  pathsOf,
  pax,
  readTar,
  utf8,
  verdict,
} from "../../support/tar/raw_blocks.ts";

Deno.test("D01 a PAX size beats a ustar size of 0, so that no entry hides in the body", () => {
  const hidden = file("hidden", "x");
  const tar = concat(
    pax([["size", `${hidden.length}`]]),
    header({ name: "file", size: 0 }),
    hidden,
    file("tail", "y"),
    END,
  );
  assertEquals(pathsOf(tar), ["file", "tail"]);
  assertEquals(readTar(tar)[0]?.entry.size, hidden.length);
});

Deno.test("D02 a PAX size is not that of a GNU long name between", () => {
  const tar = concat(
    pax([["size", "1024"]]),
    gnuLong("L", "lname"),
    header({ name: "short", size: 0, dialect: "gnu" }),
    new Uint8Array(1024),
    file("tail"),
    END,
  );
  assertEquals(pathsOf(tar), ["lname", "tail"]);
});

Deno.test("D05 sizes beyond 2^53 are refused before anything is allocated", () => {
  for (
    const size of [
      base256(2n ** 53n, 12),
      base256(2n ** 53n + 1n, 12),
      base256(2n ** 63n - 1n, 12),
      "777777777777",
    ]
  ) {
    assertEquals(verdict(header({ name: "f", size, dialect: "gnu" })), "E_LIMIT");
  }
  for (const size of [base256(2n ** 63n, 12), base256(2n ** 80n, 12), base256(-1n, 12)]) {
    assertEquals(verdict(header({ name: "f", size, dialect: "gnu" })), "E_HEADER");
  }
  for (
    const [size, code] of [
      ["9007199254740993", "E_LIMIT"],
      ["9223372036854775807", "E_LIMIT"],
      ["9223372036854775808", "E_HEADER"],
      ["1" + "0".repeat(100_000), "E_HEADER"],
      ["-1", "E_HEADER"],
      ["1e3", "E_HEADER"],
      ["0x10", "E_HEADER"],
      [" 1", "E_HEADER"],
    ] as const
  ) {
    assertEquals(verdict(concat(pax([["size", size]]), header({ name: "f" }))), code, size);
  }
});

Deno.test("D06 a body that is cut is E_TRUNCATED whatever its size claims", () => {
  const tar = concat(header({ name: "f", size: 8 * 1024 ** 3 - 1 }), new Uint8Array(10));
  assertEquals(verdict(tar), "E_TRUNCATED");
});

Deno.test("D07 checksums are unsigned or signed, with spaces or NULs around; no others", () => {
  const name = "caf\xe9\xff";
  assertEquals(pathsOf(header({ name })), [name]);
  assertEquals(pathsOf(header({ name, checksum: "signed" })), [name]);
  const sum = octalSum(header({ name: "f" }));
  for (const raw of [`${sum}\0 `, `${sum}  `, ` ${sum}\0`, `0${sum}\0`, `00${sum}`.slice(-8)]) {
    assertEquals(verdict(header({ name: "f", checksum: { raw: raw.padEnd(8, "\0") } })), "OK", raw);
  }
  const wrong = (parseInt(sum, 8) + 1).toString(8);
  for (const raw of [wrong, "", "9999999", "abc", "-1", `${sum[0]} ${sum.slice(1)}`]) {
    const block = header({ name: "f", checksum: { raw: raw.padEnd(8, "\0") } });
    assertEquals(verdict(block), "E_HEADER", raw);
  }
});

Deno.test("D09 octal fields are read as Go reads them", () => {
  const size = (raw: string) => concat(header({ name: "f", size: raw }), body("x".repeat(8)));
  for (
    const [raw, value] of [
      ["000000000010", 8], // no terminator
      ["   10 ", 8],
      ["\0\0" + "10", 8],
      ["10\0" + "77", 8], // what follows a NUL inside does not count
      ["10", 8],
      ["00000000010\0", 8],
    ] as const
  ) {
    assertEquals(readTar(size(raw))[0]?.entry.size, value, JSON.stringify(raw));
  }
  for (const raw of ["19", "1 0", "0x10", "+10", "-10", "1_0", "1.0", "abc"]) {
    assertEquals(verdict(size(raw)), "E_HEADER", raw);
  }
  const empty = header({ name: "f", mode: "", uid: "", gid: "\0\0\0", size: "", mtime: "    " });
  const entry = readTar(empty)[0]?.entry;
  assertEquals([entry?.mode, entry?.uid, entry?.gid, entry?.size], [0, 0, 0, 0]);
});

Deno.test("D10 a ustar prefix is part of the path, a GNU header has none unless old Go wrote it", () => {
  assertEquals(pathsOf(header({ name: "x", prefix: "../.." })), ["../../x"]);
  assertEquals(pathsOf(header({ name: "x", prefix: "p".repeat(155) })), [`${"p".repeat(155)}/x`]);
  assertEquals(pathsOf(header({ name: "x", prefix: "q".repeat(131), dialect: "star" })), [
    `${"q".repeat(131)}/x`,
  ]);
  assertEquals(pathsOf(header({ name: "x", dialect: "v7" })), ["x"]);
  const times = "14141414141\x0014141414141\0";
  assertEquals(pathsOf(header({ name: "x", prefix: times, dialect: "gnu" })), ["x"]);
  assertEquals(pathsOf(header({ name: "x", prefix: "a/b", dialect: "gnu" })), ["a/b/x"]);
  assertEquals(pathsOf(header({ name: "x", prefix: "\xe9/b", dialect: "gnu" })), ["x"]);
});

Deno.test("D11 one name, written in every way, is one name", () => {
  const hundred = "n".repeat(100);
  const hundredOne = `${"a".repeat(50)}/${"b".repeat(50)}`;
  assertEquals(pathsOf(header({ name: hundred })), [hundred]);
  for (
    const tar of [
      concat(gnuLong("L", hundredOne), header({ name: "x", dialect: "gnu" })),
      concat(gnuLong("L", hundredOne, false), header({ name: "x", dialect: "gnu" })),
      concat(pax([["path", hundredOne]]), header({ name: "x" })),
      header({ prefix: "a".repeat(50), name: "b".repeat(50) }),
    ]
  ) {
    assertEquals(pathsOf(tar), [hundredOne]);
  }
});

Deno.test("D13 GNU long names: cut at a NUL, open ended, empty, and a chain of them", () => {
  const after = header({ name: "own", dialect: "gnu" });
  assertEquals(pathsOf(concat(gnuLong("L", "cut\0rest"), after)), ["cut"]);
  assertEquals(pathsOf(concat(gnuLong("L", "open", false), after)), ["open"]);
  assertEquals(pathsOf(concat(gnuLong("L", "", false), after)), ["own"]);
  assertEquals(pathsOf(concat(gnuLong("L", ""), after)), ["own"]);
  const chain = (n: number) =>
    concat(...Array.from({ length: n }, (_, i) => gnuLong(i % 2 ? "K" : "L", `n${i}`)), after);
  assertEquals(pathsOf(chain(16)), ["n14"]);
  assertEquals(verdict(chain(17)), "E_LIMIT");
  assertEquals(verdict(chain(1000)), "E_LIMIT");
  // The count is of one entry: many entries may have one each.
  assertEquals(verdict(concat(chain(16), chain(16), chain(16))), "OK");
});

Deno.test("D14 malformed PAX records are refused, whatever their length claims", () => {
  const after = header({ name: "f" });
  for (
    const text of [
      "0 a=b\n",
      "999999999999999999999 a=b\n",
      "18446744073709551616 a=b\n",
      "7 a=b\n", // a byte too long
      "5 a=b\n", // a byte too short
      "6 abc\n",
      "6 a=b ",
      "-6 a=b\n",
      "+6 a=b\n",
      "06 a=b\n",
      "0000000006 a=b\n",
      " 6 a=b\n",
      "6\ta=b\n",
      "6",
      "6 ",
      "a=b\n",
      "5 =bb\n",
      "4 =\n",
      "2 \n",
      "1 ",
      "6 a=b\n\0",
      "6 a=b\n6 a=",
      "0x6 a=b\n",
    ]
  ) {
    assertEquals(verdict(concat(pax(text), after)), "E_HEADER", JSON.stringify(text));
  }
  assertEquals(verdict(concat(pax("6 a=b\n"), after)), "OK");
  assertEquals(verdict(concat(pax(""), after)), "OK");
});

Deno.test("D15 PAX values are bytes: newlines, equals signs and binary stay", () => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
  const tar = concat(
    pax([["path", "a\nb=c\n9 x=y\n"], ["SCHILY.xattr.user.all", all], ["SCHILY.xattr.user.e", ""]]),
    header({ name: "f" }),
  );
  const entry = readTar(tar)[0]?.entry;
  assertEquals(entry?.path as string, "a\nb=c\n9 x=y\n");
  assertEquals(entry?.xattrs.map(({ name, value }) => [name as string, value as string]), [
    ["user.all", all],
    ["user.e", ""],
  ]);
});

Deno.test("D17 an empty PAX path keeps the ustar one; of two keys the last counts", () => {
  const after = header({ name: "own", uid: 7 });
  assertEquals(pathsOf(concat(pax([["path", ""]]), after)), ["own"]);
  assertEquals(pathsOf(concat(pax([["path", "a"], ["path", "b"]]), after)), ["b"]);
  assertEquals(pathsOf(concat(pax([["path", "a"], ["path", ""]]), after)), ["own"]);
  assertEquals(pathsOf(concat(pax([["path", ""], ["path", "a"]]), after)), ["a"]);
  assertEquals(readTar(concat(pax([["uid", "5"], ["uid", ""]]), after))[0]?.entry.uid, 7);
});

Deno.test("D18 PAX ids and times that are no numbers are refused", () => {
  const after = header({ name: "f" });
  for (const key of ["uid", "gid"]) {
    for (const value of ["abc", "1.5", "1e3", "0x1", " 1", "1 ", "--1", "9223372036854775808"]) {
      assertEquals(verdict(concat(pax([[key, value]]), after)), "E_ID", `${key}=${value}`);
    }
  }
  for (const key of ["mtime", "atime", "ctime"]) {
    for (const value of ["nan", "1e9", "1.2.3", ".5", "", "1,5", "0x1", "9223372036854775808"]) {
      const code = value === "" ? "OK" : "E_TIME";
      assertEquals(verdict(concat(pax([[key, value]]), after)), code, `${key}=${value}`);
    }
  }
  const link = concat(pax([["linkpath", "a\0b"]]), header({ name: "l", type: "2" }));
  assertEquals(verdict(link), "E_HEADER");
});

Deno.test("D19 global headers are parsed and bounded, and have no effect, wherever they stand", () => {
  const g = pax([["path", "global"], ["uid", "9"], ["mtime", "5"]], "g");
  const tar = concat(g, file("a", "x"), g, g, file("b"), ...Array(100).fill(g), END);
  assertEquals(readTar(tar).map(({ entry }) => [entry.path as string, entry.uid]), [
    ["a", 0],
    ["b", 0],
  ]);
  assertEquals(verdict(concat(pax("nonsense", "g"), file("a"))), "E_HEADER");
  const huge = header({ type: "g", size: 1024 * 1024 + 1 });
  assertEquals(verdict(huge), "E_LIMIT");
  // Go gives a global header out as an entry of its own: what stood before it is gone with it.
  const between = concat(pax([["path", "lost"]]), g, header({ name: "own" }));
  assertEquals(pathsOf(between), ["own"]);
});

Deno.test("D21 a contiguous file is a file", () => {
  const told = readTar(file("c", "abc", { type: "7" }));
  assertEquals(told.map(({ entry, content }) => [entry.type as string, content]), [
    ["file", "abc"],
  ]);
});

Deno.test("D22 a trailing slash: old files are directories, files may have none with content", () => {
  const typeOf = (tar: Uint8Array) => readTar(tar).map(({ entry }) => entry.type as string);
  assertEquals(typeOf(header({ name: "d/", type: "\0" })), ["directory"]);
  assertEquals(typeOf(header({ name: "d", type: "\0" })), ["file"]);
  // A directory has no body: what follows is the next header.
  assertEquals(typeOf(concat(header({ name: "d/", type: "\0", size: 512 }), file("f"))), [
    "directory",
    "file",
  ]);
  // The name that counts is the final one.
  assertEquals(typeOf(concat(pax([["path", "d/"]]), header({ name: "f", type: "\0" }))), [
    "directory",
  ]);
  assertEquals(typeOf(concat(gnuLong("L", "f"), header({ name: "d/", type: "\0" }))), ["file"]);
  const empty = header({ name: "f/" });
  assertEquals(typeOf(empty), ["file"]);
  assertEquals(pathsOf(empty), ["f/"]);
  assertEquals(verdict(file("f/", "x")), "E_TYPE");
  assertEquals(verdict(file("f/", "x", { type: "7" })), "E_TYPE");
  assertEquals(verdict(concat(pax([["path", "f/"]]), file("f", "x"))), "E_TYPE");
});

Deno.test("D29 names that are not UTF-8 stay apart", () => {
  assertEquals(pathsOf(concat(file("a\xff"), file("a\xfe"))), ["a\xff", "a\xfe"]);
  const viaPax = concat(pax([["path", "a\xff"]]), file("x"), pax([["path", "a\xfe"]]), file("x"));
  assertEquals(pathsOf(viaPax), ["a\xff", "a\xfe"]);
});

Deno.test("D30 surrogates, control characters and bidirectional marks are bytes", () => {
  const names = ["\xed\xa0\x80", "a\nb", "a\tb", "\x1b[2J", utf8("\u202egnp.exe")];
  assertEquals(pathsOf(concat(...names.map((name) => file(name)))), names);
  assertEquals(pathsOf(concat(...names.map((n) => concat(pax([["path", n]]), file("x"))))), names);
});

Deno.test("D31 a NUL ends a name", () => {
  const tar = header({ name: "a\0b/../../etc", type: "2", linkname: "t\0/etc" });
  const entry = readTar(tar)[0]?.entry;
  assertEquals([entry?.path as string, entry?.linkname as string], ["a", "t"]);
});

Deno.test("D37 what has no body by its type has none whatever its size says", () => {
  for (const type of ["1", "2", "3", "4", "5", "6"]) {
    const tar = concat(header({ name: "n", type, linkname: "l", size: 512 }), file("inner", "x"));
    assertEquals(pathsOf(tar), ["n", "inner"], type);
    assertEquals(readTar(tar)[0]?.entry.size, 0);
    const negative = header({ name: "n", type, linkname: "l", size: base256(-5n, 12) });
    assertEquals(verdict(negative), "OK", type);
  }
});

function octalSum(block: Uint8Array): string {
  let sum = 0;
  block.forEach((byte, i) => sum += i >= 148 && i < 156 ? 0x20 : byte);
  return sum.toString(8);
}
