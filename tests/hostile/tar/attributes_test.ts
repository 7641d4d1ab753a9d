/** Rows D of the reader: ids, times, devices and xattrs in tar headers. What it says, before `layer/` judges. */
import { assert, assertEquals } from "@std/assert";
import { secondsOf } from "../../../lib/bytes/mod.ts";
import {
  base256,
  concat,
  file,
  gnuLong,
  header,
  pax,
  readTar,
  record,
  verdict,
} from "../../support/tar/raw_blocks.ts";

const LONG = "d/".repeat(60) + "name"; // 124 bytes

Deno.test("C05 device numbers come out as they are; malformed ones are refused in every entry, as in Go", () => {
  const device = (devmajor: string, devminor: string, type = "3") =>
    header({ name: "d", type, devmajor, devminor, dialect: "gnu" });
  const entry = readTar(device(base256(2n ** 32n + 5n, 8), base256(-1n, 8)))[0]?.entry;
  assertEquals([entry?.devmajor, entry?.devminor], [2 ** 32 + 5, -1]);
  assertEquals(verdict(device("nine", "0")), "E_HEADER");
  for (const type of ["0", "1", "2", "4", "5", "6", "7", "x", "g", "L"]) {
    assertEquals(verdict(device("nine", "0", type)), "E_HEADER", type);
    assertEquals(verdict(device("0", "1 1", type)), "E_HEADER", type);
  }
  // Numbers that no device can have are no concern of other entries.
  assertEquals(verdict(device(base256(2n ** 60n, 8), base256(-1n, 8), "0")), "OK");
  assertEquals(readTar(device("7", "7", "5"))[0]?.entry.devmajor, 0);
});

Deno.test("C07 a type that is not known is E_TYPE", () => {
  for (const type of ["s", "D", "M", "N", "V", "A", "X", "8", "9", "Z", "\x80", "\xff"]) {
    assertEquals(verdict(header({ name: "n", type })), "E_TYPE", type);
  }
});

Deno.test("C09 ids come out as numbers of any range; PAX beats the header", () => {
  const idOf = (tar: Uint8Array) => readTar(tar)[0]?.entry.uid;
  assertEquals(idOf(header({ name: "f", uid: base256(-1n, 8) })), -1);
  for (const id of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 10 ** 12]) {
    assertEquals(idOf(header({ name: "f", uid: base256(BigInt(id), 8) })), id);
    assertEquals(idOf(concat(pax([["uid", `${id}`]]), header({ name: "f", uid: 5 }))), id);
  }
  assertEquals(idOf(concat(pax([["uid", "-1"]]), header({ name: "f", uid: 5 }))), -1);
  assertEquals(verdict(header({ name: "f", uid: "abc" })), "E_ID");
  assertEquals(verdict(header({ name: "f", gid: "1.5" })), "E_ID");
  // A malformed field is malformed even where PAX says something better.
  assertEquals(verdict(concat(pax([["uid", "1"]]), header({ name: "f", uid: "abc" }))), "E_ID");
});

Deno.test("C13 access control lists that are written as text are named, and not read", () => {
  const records = [
    ["SCHILY.acl.ace", "owner@:rwxp--aARWcCos:-------:allow"],
    ["SCHILY.acl.access", "user::rw-"],
    ["SCHILY.xattr.user.a", "1"],
  ] as const;
  const [with_, without] = readTar(
    concat(
      pax(records.map(([key, value]) => [key, value])),
      header({ name: "f" }),
      header({ name: "g" }),
    ),
  ).map(({ entry }) => entry);
  assertEquals(with_?.aclTexts as unknown, ["SCHILY.acl.ace", "SCHILY.acl.access"]);
  assertEquals(with_?.xattrs.length, 1);
  assertEquals(without?.aclTexts, undefined);
});

Deno.test("C17 a PAX key with a NUL is refused, and so is an xattr name that decodes to one", () => {
  const after = header({ name: "f" });
  assertEquals(verdict(concat(pax([["SCHILY.xattr.user.\0x", "v"]]), after)), "E_HEADER");
  assertEquals(verdict(concat(pax([["LIBARCHIVE.xattr.user.%00x", "dg"]]), after)), "E_XATTR");
  assertEquals(verdict(concat(pax([["LIBARCHIVE.xattr.user.x", "?"]]), after)), "E_XATTR");
});

Deno.test("C19 times: negative, far, fractional, and what is no time", () => {
  const timeOf = (tar: Uint8Array) => {
    const time = readTar(tar)[0]?.entry.mtime;
    assert(time !== undefined);
    return [secondsOf(time), time.ns];
  };
  const viaPax = (value: string) => timeOf(concat(pax([["mtime", value]]), header({ name: "f" })));
  const max = 2n ** 63n - 1n;
  assertEquals(viaPax("0"), [0n, 0]);
  assertEquals(viaPax("1.5"), [1n, 500_000_000]);
  assertEquals(viaPax("1.123456789987"), [1n, 123_456_789]);
  assertEquals(viaPax("1."), [1n, 0]);
  assertEquals(viaPax("-1.25"), [-2n, 750_000_000]);
  assertEquals(viaPax("-0.5"), [-1n, 500_000_000]);
  assertEquals(viaPax("-1.0"), [-1n, 0]);
  assertEquals(viaPax("253402300799.999999999"), [253402300799n, 999_999_999]);
  assertEquals(viaPax(`${max}.999999999`), [max, 999_999_999]);
  assertEquals(viaPax(`${-max - 1n}`), [-max - 1n, 0]);
  const under = concat(pax([["mtime", `${-max - 1n}.5`]]), header({ name: "f" }));
  assertEquals(verdict(under), "E_TIME");
  for (const seconds of [-1n, 2n ** 34n, max, -max - 1n, 0n]) {
    assertEquals(timeOf(header({ name: "f", mtime: base256(seconds, 12) })), [seconds, 0]);
  }
  assertEquals(verdict(header({ name: "f", mtime: base256(2n ** 63n, 12) })), "E_TIME");
  assertEquals(verdict(header({ name: "f", mtime: "never" })), "E_TIME");
});

Deno.test("a GNU long name beats a PAX path, wherever it stands", () => {
  const own = header({ name: "own", type: "2", linkname: "l" });
  const both = [
    concat(gnuLong("L", "gnu"), gnuLong("K", "gl"), pax([["path", "p"], ["linkpath", "pl"]]), own),
    concat(pax([["path", "p"], ["linkpath", "pl"]]), gnuLong("K", "gl"), gnuLong("L", "gnu"), own),
  ];
  for (const tar of both) {
    const entry = readTar(tar)[0]?.entry;
    assertEquals([entry?.path as string, entry?.linkname as string], ["gnu", "gl"]);
  }
});

Deno.test("a second PAX header replaces the first, all of it", () => {
  const tar = concat(
    pax([["path", "one"], ["uid", "1"], ["SCHILY.xattr.user.a", "1"]]),
    pax([["gid", "2"]]),
    header({ name: "own" }),
  );
  const entry = readTar(tar)[0]?.entry;
  assertEquals([entry?.path as string, entry?.uid, entry?.gid], ["own", 0, 2]);
  assertEquals(entry?.xattrs, []);
});

Deno.test("meta headers hold for one entry", () => {
  const tar = concat(pax([["path", LONG], ["uid", "1"]]), file("a"), file("b"));
  assertEquals(readTar(tar).map(({ entry }) => [entry.path as string, entry.uid]), [
    [LONG, 1],
    ["b", 0],
  ]);
});

Deno.test("xattrs: both spellings, the last of a name, and SCHILY where they disagree", () => {
  const records = record("LIBARCHIVE.xattr.user.%25a%3Db", btoa("x\0y").replace(/=+$/, "")) +
    record("LIBARCHIVE.xattr.user.both", btoa("lib")) +
    record("SCHILY.xattr.user.both", "schily") +
    record("SCHILY.xattr.user.twice", "1") +
    record("SCHILY.xattr.user.twice", "2");
  const entry = readTar(concat(pax(records), header({ name: "f" })))[0]?.entry;
  const found = entry?.xattrs.map(({ name, value }) => [name as string, value as string]);
  assertEquals(found, [["user.%a=b", "x\0y"], ["user.both", "schily"], ["user.twice", "2"]]);
});

Deno.test("xattrs: what bsdtar encodes in both spellings is one, of the name that engines see", () => {
  const records = record("LIBARCHIVE.xattr.user.sp%20ace", btoa("v")) +
    record("SCHILY.xattr.user.sp%20ace", "v");
  const entry = readTar(concat(pax(records), header({ name: "f" })))[0]?.entry;
  const found = entry?.xattrs.map(({ name, value }) => [name as string, value as string]);
  assertEquals(found, [["user.sp%20ace", "v"]]);
});
