/** Rows D23 and D25: sparse files in their four forms, and maps that lie. */
import { assertEquals } from "@std/assert";
import {
  base256,
  body,
  concat,
  END,
  file,
  header,
  type HeaderFields,
  pax,
  readTar,
  verdict,
} from "../../support/tar/raw_blocks.ts";

type Run = readonly [offset: number | string, length: number | string];

/** 200 bytes in which every second one is data, as in Go's sparse-formats.tar. */
const COMB: readonly Run[] = Array.from({ length: 100 }, (_, i) => [2 * i + 1, 1]);
const COMB_DATA = "GolangTar!".repeat(10);
const COMB_CONTENT = [...COMB_DATA].map((char) => "\0" + char).join("");

const octal = (value: number | string) =>
  typeof value === "string" ? value : value.toString(8).padStart(11, "0") + "\0";

/** The old GNU form. */
function gnu(runs: readonly Run[], size: number | string, data: string, fields: HeaderFields = {}) {
  const map = runs.map(([offset, length]) => octal(offset) + octal(length));
  const extensions: Uint8Array[] = [];
  for (let at = 4; at < map.length; at += 21) {
    const more = at + 21 < map.length ? "\x01" : "\0";
    extensions.push(body(map.slice(at, at + 21).join("").padEnd(504, "\0") + more));
  }
  return concat(
    header({
      name: "s",
      type: "S",
      dialect: "gnu",
      size: data.length,
      patches: [
        [386, map.slice(0, 4).join("")],
        [482, extensions.length > 0 ? "\x01" : "\0"],
        [483, octal(size)],
      ],
      ...fields,
    }),
    ...extensions,
    body(data),
  );
}

function pax00(runs: readonly Run[], size: number | string, data: string) {
  return concat(
    pax([
      ["GNU.sparse.size", `${size}`],
      ["GNU.sparse.numblocks", `${runs.length}`],
      ...runs.flatMap(([offset, length]) =>
        [["GNU.sparse.offset", `${offset}`], ["GNU.sparse.numbytes", `${length}`]] as const
      ),
    ]),
    file("GNUSparseFile.0/s", data),
  );
}

function pax01(runs: readonly Run[], size: number | string, data: string) {
  return concat(
    pax([
      ["GNU.sparse.size", `${size}`],
      ["GNU.sparse.numblocks", `${runs.length}`],
      ["GNU.sparse.name", "s"],
      ["GNU.sparse.map", runs.flat().join(",")],
    ]),
    file("GNUSparseFile.0/s", data),
  );
}

function pax10(runs: readonly Run[], size: number | string, data: string, map?: string) {
  const text = map ?? [runs.length, ...runs.flat()].join("\n") + "\n";
  const blocks = body(text);
  return concat(
    pax([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "s"],
      ["GNU.sparse.realsize", `${size}`],
    ]),
    header({ name: "GNUSparseFile.0/s", size: blocks.length + data.length }),
    blocks,
    body(data),
  );
}

const FORMS = { gnu, pax00, pax01, pax10 };

Deno.test("D23 the four sparse forms give the same content", () => {
  for (const [name, form] of Object.entries(FORMS)) {
    const told = readTar(concat(form(COMB, 200, COMB_DATA), file("end", "end\n"), END));
    assertEquals(told.map((t) => t.content), [COMB_CONTENT, "end\n"], name);
    assertEquals(told[0]?.entry.size, 200, name);
    assertEquals(told[0]?.entry.extents.length, 100, name);
    assertEquals(told[0]?.holes, Array(100).fill(1), name);
    const first = told[0]?.entry.extents[0];
    assertEquals([first?.logical, first?.length], [1, 1], name);
  }
});

Deno.test("D23 extents say where the bytes lie", () => {
  const runs: readonly Run[] = [[0, 3], [3, 2], [10, 0], [10, 4], [20, 0]];
  for (const [name, form] of Object.entries(FORMS)) {
    const tar = form(runs, 20, "abcdefghi");
    const { entry, content, holes } = readTar(tar)[0] as ReturnType<typeof readTar>[number];
    assertEquals(content, "abcde\0\0\0\0\0fghi\0\0\0\0\0\0", name);
    assertEquals(holes, [5, 6], name);
    // Runs that touch are one, empty ones are none.
    const at = tar.length - 512;
    assertEquals(entry.extents, [
      { logical: 0, length: 5, position: at },
      { logical: 10, length: 4, position: at + 5 },
    ], name);
  }
});

Deno.test("D23 files that are all hole or all data", () => {
  for (const [name, form] of Object.entries(FORMS)) {
    const hole = readTar(form([[1000, 0]], 1000, ""))[0];
    assertEquals([hole?.entry.extents.length, hole?.holes], [0, [1000]], name);
    assertEquals(hole?.ended, true);
    const data = readTar(form([[0, 4]], 4, "data"))[0];
    assertEquals([data?.content, data?.holes], ["data", []], name);
    const empty = readTar(form([[0, 0]], 0, ""))[0];
    assertEquals([empty?.content, empty?.holes, empty?.ended], ["", [], true], name);
  }
});

Deno.test("D23 maps that overlap, go back, leave the file or do not match the data are refused", () => {
  const bad: readonly (readonly [readonly Run[], number | string, string])[] = [
    [[[1, 3], [2, 2]], 10, "abcde"], // overlap
    [[[6, 2], [1, 3]], 10, "abcde"], // back
    [[[1, 3], [6, 5]], 10, "abcdefgh"], // beyond the end
    [[[1, 3], [6, 5]], 35, "abcde"], // less data than the map says
    [[[1, 3], [6, 2]], 35, "abcdef"], // more
    [[[0, 0]], 0, "x"],
  ];
  for (const [name, form] of Object.entries(FORMS)) {
    for (const [runs, size, data] of bad) {
      assertEquals(verdict(form(runs, size, data)), "E_HEADER", `${name} ${JSON.stringify(runs)}`);
    }
  }
  for (const form of [pax00, pax01, pax10]) {
    for (const runs of [[[1, -3]], [[-1, 3]], [["x", 3]], [[1, "3.5"]], [["", 3]]] as Run[][]) {
      assertEquals(verdict(form(runs, 10, "abc")), "E_HEADER", JSON.stringify(runs));
    }
    for (const size of ["-1", "x", "1.5", "9223372036854775808"]) {
      assertEquals(verdict(form([[0, 3]], size, "abc")), "E_HEADER", size);
    }
    const far = [["9223372036854775807", 3]] as Run[];
    assertEquals(verdict(form(far, 10, "abc")), "E_HEADER");
  }
  for (const form of [gnu, pax10]) assertEquals(verdict(form([], 10, "abcde")), "E_HEADER");
  // Without a map the PAX forms 0.x are none, and the file is an ordinary one.
  for (const form of [pax00, pax01]) assertEquals(readTar(form([], 10, "abc"))[0]?.content, "abc");
  const negative = base256(-1n, 12);
  assertEquals(verdict(gnu([[negative, 3]], 10, "abc")), "E_HEADER");
  assertEquals(verdict(gnu([[1, negative]], 10, "abc")), "E_HEADER");
  assertEquals(verdict(gnu([["fewa", 3]], 10, "abc")), "E_HEADER");
  assertEquals(verdict(gnu([[1, 3]], negative, "abc")), "E_HEADER");
});

Deno.test("D23 old GNU maps: only in GNU headers, and cut ones are E_TRUNCATED", () => {
  assertEquals(verdict(gnu([[0, 3]], 3, "abc", { dialect: "ustar" })), "E_HEADER");
  assertEquals(verdict(gnu([[0, 3]], 3, "abc", { dialect: "v7" })), "E_HEADER");
  const comb = gnu(COMB, 200, COMB_DATA);
  assertEquals(verdict(comb.subarray(0, 512)), "E_TRUNCATED");
  assertEquals(verdict(comb.subarray(0, 512 + 300)), "E_TRUNCATED");
  // An empty extension block is legal.
  const tail = concat(
    gnu([[0, 1], [1, 1]], 3, "ab", { patches: [[482, "\x01"], [483, octal(3)]] }).subarray(0, 512),
    new Uint8Array(512),
  );
  assertEquals(verdict(concat(tail, body("ab"))), "E_HEADER");
});

Deno.test("D23 format 1.0: leading zeros, maps over many blocks, and maps that never end", () => {
  const read = (map: string, size: number, data: string) =>
    readTar(pax10([], size, data, map))[0]?.content;
  assertEquals(read("0".repeat(1024) + "1\n2\n3\n", 5, "abc"), "\0\0abc");
  assertEquals(read("0\n", 3, ""), "\0\0\0");
  // What follows the map in its last block is padding.
  assertEquals(read("1\n0\n3\n" + "junk\n".repeat(20), 3, "abc"), "abc");
  for (const map of ["", "\n", "x\n", "1\n2\n\n", "1\nk\n2\n", "-1\n2\n", "1\n2\n", "2\n0\n1\n"]) {
    assertEquals(verdict(pax10([], 5, "abc", map)), "E_HEADER", JSON.stringify(map));
  }
  for (const count of ["9223372036854775807", "4611686018427387904", "99999999999999999999"]) {
    assertEquals(verdict(pax10([], 5, "abc", `${count}\n0\n1\n`)), "E_HEADER", count);
  }
  assertEquals(verdict(pax10([], 5, "abc", "1".repeat(5000))), "E_HEADER");
  const large = pax10([], 5, "abc", "0".repeat(1024 * 1024) + "1\n2\n3\n");
  assertEquals(verdict(large), "E_LIMIT");
});

Deno.test("D23 formats 0.0 and 0.1: counts and orders that lie", () => {
  const with01 = (count: string, map: string) =>
    verdict(concat(
      pax([
        ["GNU.sparse.size", "35"],
        ["GNU.sparse.numblocks", count],
        ["GNU.sparse.map", map],
      ]),
      file("s", "x".repeat(20)),
    ));
  assertEquals(with01("4", "0,5,10,5,20,5,30,5"), "OK");
  for (const count of ["-4", "fee ", "", "3", "5", "9223372036854775807", "4611686018427387904"]) {
    assertEquals(with01(count, "0,5,10,5,20,5,30,5"), "E_HEADER", count);
  }
  for (const map of ["0.5,5,10,5,20,5,30,5", "0,5,10,5,20,5,30", "0,5,10,5,20,5,30,5,"]) {
    assertEquals(with01("4", map), "E_HEADER", map);
  }
  for (
    const records of [
      [["GNU.sparse.numbytes", "2"], ["GNU.sparse.offset", "1"]],
      [["GNU.sparse.offset", "1"], ["GNU.sparse.offset", "1"]],
      [["GNU.sparse.offset", "1,2"], ["GNU.sparse.numbytes", "2"]],
    ] as const
  ) {
    assertEquals(verdict(concat(pax(records), file("s", "x"))), "E_HEADER");
  }
});

Deno.test("D23 an unknown sparse version is an ordinary file, a sparse link is an error", () => {
  const version = (major: string, minor: string) =>
    concat(pax([["GNU.sparse.major", major], ["GNU.sparse.minor", minor]]), file("f", "abc"));
  for (const [major, minor] of [["2", "0"], ["1", "1"], ["1", ""], ["", "0"]] as const) {
    assertEquals(readTar(version(major, minor))[0]?.content, "abc", `${major}.${minor}`);
  }
  const link = concat(
    pax([["GNU.sparse.numblocks", "1"], ["GNU.sparse.map", "0,1"], ["GNU.sparse.size", "1"]]),
    header({ name: "l", type: "2", linkname: "t" }),
  );
  assertEquals(verdict(link), "E_HEADER");
  const named = concat(
    pax([["GNU.sparse.name", "a\0b"], ["GNU.sparse.numblocks", "1"], ["GNU.sparse.map", "0,1"]]),
    file("f", "x"),
  );
  assertEquals(verdict(named), "E_HEADER");
});

Deno.test("D25 holes count: a bomb of apparent size is refused", () => {
  const eib = 8n * 2n ** 60n - 1n;
  assertEquals(verdict(gnu([[0, 0]], base256(eib, 12), "")), "E_LIMIT");
  for (const form of [pax00, pax01, pax10]) {
    assertEquals(verdict(form([[0, 0]], `${eib}`, "")), "E_LIMIT");
    // Many files that are each below the limit are together above it.
    const one = form([[0, 0]], 40 * 1024 ** 3, "");
    assertEquals(verdict(concat(one, END)), "OK");
    assertEquals(verdict(concat(one, one, END)), "E_LIMIT");
  }
});
