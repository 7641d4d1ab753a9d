import { assert, assertEquals } from "@std/assert";
import {
  type ByteString,
  escapeForTerminal,
  escapeJson,
  escapeText,
  formatBytes,
  timestamp,
} from "../../../lib/bytes/mod.ts";
import { jsonParts } from "../../../lib/cli/display/json.ts";
import { printableLine } from "../../../lib/cli/display/printable.ts";
import { createProgress } from "../../../lib/cli/display/create_progress.ts";
import { shortDigest } from "../../../lib/cli/display/short.ts";
import { table } from "../../../lib/cli/display/table.ts";
import { argumentBytes, splitReferencePath } from "../../../lib/cli/images.ts";
import { formatMode, formatTime, nodeToJson } from "../../../lib/cli/nodes.ts";
import { parseStrictJson } from "../../../lib/oci/mod.ts";
import type { FileNode } from "../../../lib/tree/mod.ts";
import { prng } from "../../support/prng.ts";

const ESCAPES = "a\x1b[31m\r\n\u009b1A\u202eb\ud800";

Deno.test("foreign text cannot control the terminal", () => {
  assertEquals(escapeText(ESCAPES), "a\\u{1b}[31m\\u{d}\\u{a}\\u{9b}1A\\u{202e}b\\u{d800}");
  assertEquals(escapeText("ünï 😀 \\x41"), "ünï 😀 \\x41");
  assertEquals(printableLine(" a\n\tb\x1b[0m ", 10, 80), "a b [0m");
  const json = escapeJson(JSON.stringify({ name: ESCAPES }));
  assertEquals(/[^\x20-\x7e]/.test(json), false, json);
  assertEquals(JSON.parse(json), { name: ESCAPES });
  assertEquals(table(["A"], [["\x1b[2J"]], undefined), "A\n\\u{1b}[2J\n");
});

Deno.test("json: one document, whole or in parts", () => {
  const text = (value: unknown) => [...jsonParts(value)].join("");
  function* rows(n: number) {
    for (let i = 0; i < n; i++) yield { i, text: "\u009b" };
  }
  for (const n of [0, 1, 3]) {
    assertEquals(JSON.parse(text(rows(n))), [...rows(n)]);
    const wrapped = { digest: "d", entries: rows(n), after: [1] };
    assertEquals(JSON.parse(text(wrapped)), { ...wrapped, entries: [...rows(n)] });
  }
  assertEquals(text({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}\n');
  const exact = '{"Interval":9223372036854775807}';
  assertEquals(text(parseStrictJson(new TextEncoder().encode(exact))).replace(/\s/g, ""), exact);
  assertEquals(text(rows(1)), '[\n{"i":0,"text":"\\u009b"}\n]\n');
});

Deno.test("json: a large document has the text that JSON.stringify writes, in small parts", () => {
  const many = Array.from(
    { length: 1000 },
    (_, i) => i % 3 === 0 ? [] : { i, 'k"': [i, { a: "\n" }] },
  );
  const values = [
    many,
    { many, empty: {}, left: undefined, after: { many: [many, null, "x"] } },
    [undefined, ...many],
    Object.fromEntries(many.map((one, i) => [`key ${i}`, one])),
    { small: [1, { a: [] }] },
  ];
  for (const value of values) {
    const parts = [...jsonParts(value)];
    assertEquals(parts.join(""), `${JSON.stringify(value, null, 2)}\n`);
    const longest = parts.reduce((most, { length }) => Math.max(most, length), 0);
    assert(longest < 10_000, `${longest} characters`);
  }
});

Deno.test("sizes and digests are abbreviated", () => {
  const shown = [0, 999, 1000, 9994, 9995, 999_949, 999_950, 1.5e9, 2e15].map(formatBytes);
  assertEquals(
    shown,
    [
      "0 B",
      "999 B",
      "1.00 kB",
      "9.99 kB",
      "10.0 kB",
      "999.9 kB",
      "1.00 MB",
      "1.50 GB",
      "2000.0 TB",
    ],
  );
  const hex = "0123456789abcdef".repeat(4);
  assertEquals(shortDigest(`sha256:${hex}`), "0123456789ab");
  assertEquals(shortDigest(`blobs/sha256/${hex}`), "0123456789ab");
  assertEquals([shortDigest("latest"), shortDigest("")], ["latest", ""]);
});

Deno.test("progress: several lines for a large item, one for a small one, none when quiet", () => {
  const lines = (quiet: boolean, progress: "plain" | "none", total: number) => {
    let out = "";
    const shown = createProgress({ quiet, progress }, (text) => out += text, undefined);
    const item = shown.start("a\x1b", total);
    for (let done = 0; done <= total; done += total / 8) item.update(done);
    item.done("verified");
    shown[Symbol.dispose]();
    return out;
  };
  const label = "a\\u{1b}";
  assertEquals(lines(false, "plain", 800), `${label}  verified\n`);
  assertEquals(
    lines(false, "plain", 80_000_000),
    [`80.0 MB`, `25%`, `50%`, `75%`, `verified`].map((text) => `${label}  ${text}\n`).join(""),
  );
  assertEquals(lines(true, "plain", 80_000_000) + lines(false, "none", 80_000_000), "");
});

const FILE: FileNode = {
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: timestamp(0),
  xattrs: [],
  group: null,
  size: 0,
  digest: null,
  locator: null,
};

Deno.test("nodes: modes as ls prints them, times to the nanosecond", () => {
  const modes = [0o644, 0o4755, 0o4644, 0o2750, 0o2640, 0o1777, 0o1776, 0];
  assertEquals(
    modes.map((mode) => formatMode({ ...FILE, mode })),
    [
      "-rw-r--r--",
      "-rwsr-xr-x",
      "-rwSr--r--",
      "-rwxr-s---",
      "-rw-r-S---",
      "-rwxrwxrwt",
      "-rwxrwxrwT",
      "----------",
    ],
  );
  assertEquals(formatTime(timestamp(1_600_000_000, 5)), "2020-09-13T12:26:40.000000005Z");
  assertEquals(formatTime(timestamp(-1, 999_999_999)), "1969-12-31T23:59:59.999999999Z");
  assertEquals(formatTime(timestamp(1e12)), "@1000000000000.000000000");
  assertEquals(
    nodeToJson("/a" as ByteString, FILE)["digest"],
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

Deno.test("paths: a printed name can be typed back, byte for byte", () => {
  const random = prng(11);
  for (let i = 0; i < 1000; i++) {
    const bytes = random.bytes(random.int(0, 12));
    const name = [...bytes].map((byte) => String.fromCharCode(byte)).join("") as ByteString;
    assertEquals(argumentBytes(escapeForTerminal(name)), name);
  }
  assertEquals(argumentBytes("\\"), "\\");
  assertEquals(splitReferencePath("r:5000/a:1:/b:/c"), { reference: "r:5000/a:1", path: "/b:/c" });
  assertEquals(splitReferencePath("a:1"), { reference: "a:1", path: "/" });
});
