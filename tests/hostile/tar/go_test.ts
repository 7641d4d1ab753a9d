/**
 * Rows D38 and D39: the cases of the corpora that Go's archive/tar and
 * tar-split keep, made again by code, with the verdicts of Go's own table.
 */
import { assertEquals } from "@std/assert";
import { secondsOf } from "../../../lib/bytes/mod.ts";
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
  verdict,
} from "../../support/tar/raw_blocks.ts";

const linkOf = (tar: Uint8Array) =>
  readTar(tar).map(({ entry }) => [entry.path as string, entry.linkname as string]);

Deno.test("D38 neg-size: a negative size is an error", () => {
  assertEquals(verdict(header({ name: "f", size: base256(-1n, 12), dialect: "v7" })), "E_HEADER");
  assertEquals(verdict(header({ name: "f", size: "-8219502967" })), "E_HEADER");
  assertEquals(verdict(concat(pax([["size", "-1"]]), header({ name: "f" }))), "E_HEADER");
});

Deno.test("D38 issue10968, issue12435: sparse headers of garbage are errors", () => {
  const noise = Array.from({ length: 200 }, (_, i) => String.fromCharCode((i * 89 + 137) % 256));
  const sparse = (dialect: "v7" | "gnu") =>
    header({ name: "n", type: "S", dialect, size: 512, patches: [[300, noise.join("")]] });
  assertEquals(verdict(concat(sparse("v7"), body("x"))), "E_HEADER");
  assertEquals(verdict(concat(sparse("gnu"), body("x"))), "E_HEADER");
});

Deno.test("D38 issue11169: a PAX record that is longer than its header", () => {
  const tar = concat(pax("2147483648 path=x\n"), header({ name: "f" }));
  assertEquals(verdict(tar), "E_HEADER");
});

Deno.test("D38 pax-bad-hdr-file, pax-bad-mtime-file, pax-bad-hdr-large", () => {
  assertEquals(verdict(concat(pax("not a record"), file("f"))), "E_HEADER");
  assertEquals(verdict(concat(pax([["mtime", "14a2282516"]]), file("f"))), "E_TIME");
  const large = "x".repeat(1024 * 1024);
  assertEquals(verdict(concat(pax([["comment", large]]), file("f"))), "E_LIMIT");
});

Deno.test("D38 pax-nul-path, pax-nul-xattrs: NULs in PAX strings", () => {
  for (const key of ["path", "linkpath", "uname", "gname"]) {
    assertEquals(verdict(concat(pax([[key, "long\0name"]]), file("f"))), "E_HEADER", key);
  }
  assertEquals(verdict(concat(pax([["SCHILY.xattr.nul\0key", "v"]]), file("f"))), "E_HEADER");
  assertEquals(verdict(concat(pax([["SCHILY.xattr.key", "v\0v"]]), file("f"))), "OK");
});

Deno.test("D38 pax-pos-size-file: the PAX size counts", () => {
  const tar = concat(pax([["size", "000000000000000000000999"]]), file("foo", "x".repeat(999)));
  assertEquals(readTar(tar)[0]?.content.length, 999);
});

Deno.test("D38 gnu-multi-hdrs: of many long names and links the last counts", () => {
  const tar = concat(
    gnuLong("L", "GNU1/GNU1/long-path-name"),
    gnuLong("K", "GNU3/GNU3/long-linkpath-name"),
    gnuLong("L", "GNU2/GNU2/long-path-name"),
    gnuLong("K", "GNU4/GNU4/long-linkpath-name"),
    header({ name: "foo", type: "2", linkname: "bar", dialect: "gnu" }),
  );
  assertEquals(linkOf(tar), [["GNU2/GNU2/long-path-name", "GNU4/GNU4/long-linkpath-name"]]);
});

Deno.test("D38 pax-multi-hdrs: the last header replaces the ones before", () => {
  const tar = concat(
    pax([["path", "PAX1/PAX1/long-path-name"]]),
    pax([["path", "PAX2/PAX2/long-path-name"], ["linkpath", "PAX3/PAX3/long-linkpath-name"]]),
    pax([["linkpath", "PAX4/PAX4/long-linkpath-name"]]),
    header({ name: "bar", type: "2", linkname: "x" }),
  );
  assertEquals(linkOf(tar), [["bar", "PAX4/PAX4/long-linkpath-name"]]);
});

Deno.test("D38 gnu-long-nul: a long name ends at its NUL", () => {
  const tar = concat(gnuLong("L", "0123456789\0" + "fewafew".repeat(20)), file("0123"));
  assertEquals(pathsOf(tar), ["0123456789"]);
});

Deno.test("D38 gnu-not-utf8, gnu-utf8: names are bytes", () => {
  const latin = "hi\x80\x81\x82\x83bye";
  const greek = "\xe2\x98\xba".repeat(40);
  assertEquals(pathsOf(file(latin, "", { dialect: "gnu" })), [latin]);
  assertEquals(pathsOf(concat(gnuLong("L", greek), file("x", "", { dialect: "gnu" }))), [greek]);
});

Deno.test("D38 hdr-only: types without a body are followed by the next header, 16 times", () => {
  const fields = [["3"], ["4"], ["5"], ["6"], ["1", "l"], ["2", "l"]] as const;
  const all = (size: number) =>
    fields.map(([type, linkname = ""]) => header({ name: `t${type}`, type, linkname, size }));
  const tar = concat(...all(0), file("f"), ...all(1234), file("f", "x".repeat(1234)), END);
  const names = [...fields.map(([type]) => `t${type}`), "f"];
  assertEquals(pathsOf(tar), [...names, ...names]);
});

Deno.test("D38 nil-uid: fields of NULs are zero", () => {
  const tar = file("P1050238.JPG.log", "12345678901234", {
    uid: "\0\0\0\0\0\0\0\0",
    gid: "\0\0\0\0\0\0\0\0",
    dialect: "gnu",
    mtime: 1365454838,
  });
  const entry = readTar(tar)[0]?.entry;
  assertEquals([entry?.uid, entry?.gid, entry?.size], [0, 0, 14]);
});

Deno.test("D38 trailing-slash: a long directory name keeps its slash", () => {
  const name = "123456789/".repeat(30);
  const tar = concat(pax([["path", name]]), header({ name: name.slice(0, 100), type: "5" }));
  assertEquals(readTar(tar).map(({ entry }) => [entry.path as string, entry.type as string]), [
    [name, "directory"],
  ]);
});

Deno.test("D38 writer-big-long: a size beyond 8 GiB, with a name by prefix", () => {
  const tar = header({
    prefix: "longname/".repeat(15).slice(0, -1),
    name: "16gig.txt",
    size: base256(2n ** 34n, 12),
  });
  assertEquals(verdict(tar), "E_TRUNCATED");
  assertEquals(verdict(tar, { limits: { layerBytes: 2 ** 34 } }), "E_LIMIT");
  const pending = concat(pax([["size", `${2 ** 34}`]]), header({ name: "16gig.txt" }));
  assertEquals(verdict(pending), "E_TRUNCATED");
});

Deno.test("D38 invalid-go17: a prefix in a GNU header, where times belong", () => {
  const prefix = "a".repeat(100);
  const tar = header({ name: "foo", prefix, dialect: "gnu", uid: base256(0o10000000n, 8) });
  const entry = readTar(tar)[0]?.entry;
  assertEquals([entry?.path as string, entry?.uid], [`${prefix}/foo`, 0o10000000]);
});

Deno.test("D38 star and v7 archives", () => {
  const times = "11213575217 11213575217 ";
  const star = header({ name: "small.txt", dialect: "star", patches: [[476, times]] });
  assertEquals(pathsOf(star), ["small.txt"]);
  const bad = header({ name: "small.txt", dialect: "star", patches: [[476, "never"]] });
  assertEquals(verdict(bad), "E_TIME");
  const v7 = readTar(file("small.txt", "Kilts", { dialect: "v7", type: "\0", mtime: 1244593104 }));
  assertEquals(v7[0]?.content, "Kilts");
  assertEquals(v7[0] && secondsOf(v7[0].entry.mtime), 1244593104n);
});

Deno.test("D38 a meta header with nothing behind it is no error and has no effect", () => {
  assertEquals(readTar(pax([["path", "x"]])), []);
  assertEquals(readTar(concat(file("a"), gnuLong("L", "x"), END)).length, 1);
  assertEquals(verdict(concat(pax([["path", "x"]]), new Uint8Array(1).fill(103))), "E_TRUNCATED");
});

Deno.test("D39 extranils, notenoughnils, iso-8859, longlink, fatlonglink: all are read", () => {
  const name = "n".repeat(300);
  assertEquals(pathsOf(concat(file("a", "x"), END, new Uint8Array(512 * 40))), ["a"]);
  assertEquals(pathsOf(concat(file("a", "x"), new Uint8Array(512))), ["a"]);
  assertEquals(pathsOf(concat(file("a", "x"))), ["a"]);
  assertEquals(pathsOf(file("caf\xe9/na\xefve", "x", { dialect: "gnu" })), ["caf\xe9/na\xefve"]);
  assertEquals(pathsOf(concat(gnuLong("L", name), file("n", "", { dialect: "gnu" }))), [name]);
  // A long name whose header claims more than the name: the rest is NULs.
  const fat = gnuLong("L", name + "\0".repeat(3000));
  assertEquals(pathsOf(concat(fat, file("n", "", { dialect: "gnu" }))), [name]);
});
