import { assertEquals, assertThrows } from "@std/assert";
import {
  asByteString,
  EPOCH,
  fromText,
  timestamp,
  timestampFromBigInt,
} from "../../../../lib/bytes/mod.ts";
import {
  encodeTarHeader,
  type TarEntry,
  tarPadding,
  TarReader,
  TarWriter,
} from "../../../../lib/codec/tar/mod.ts";
import { sha256 } from "../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { concat, END, file, header, pax, readTar } from "../../../support/tar/raw_blocks.ts";

const PLAIN: TarEntry = {
  path: fromText("f"),
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: EPOCH,
  size: 0,
  linkname: fromText(""),
  devmajor: 0,
  devminor: 0,
  xattrs: [],
};

/** Encodes the header of a plain entry with some fields changed. */
function encode(changes: Partial<TarEntry>): Uint8Array {
  return encodeTarHeader({ ...PLAIN, ...changes });
}

/** The PAX records in front of a header; none without a PAX header. */
function recordsOf(bytes: Uint8Array): string {
  if (bytes.length === 512) return "";
  const size = parseInt(new TextDecoder().decode(bytes.subarray(124, 135)), 8);
  let out = "";
  for (const byte of bytes.subarray(512, 512 + size)) out += String.fromCharCode(byte);
  return out;
}

function written(work: (writer: TarWriter) => void): Uint8Array {
  const parts: Uint8Array[] = [];
  work(new TarWriter((bytes) => parts.push(bytes.slice())));
  return concat(...parts);
}

Deno.test("a header without PAX is one exact ustar block", () => {
  const entry = { path: fromText("etc/passwd"), mode: 0o600, uid: 5, gid: 7, size: 3 };
  const mtime = timestamp(1_700_000_000);
  assertEquals(
    encode({ ...entry, mtime }),
    header({ ...entry, name: "etc/passwd", mtime: 1_700_000_000 }),
  );
  const device = { type: "char", mode: 0o666, devmajor: 5, devminor: 1 } as const;
  assertEquals(encode(device), header({ ...device, name: "f", type: "3" }));
  assertEquals(
    encode({ type: "symlink", linkname: fromText("t") }),
    header({ name: "f", type: "2", linkname: "t" }),
  );
});

Deno.test("a long path is split into prefix and name when it fits", () => {
  const split = `${"p".repeat(155)}/${"n".repeat(100)}`;
  assertEquals(
    encode({ path: fromText(split) }),
    header({ prefix: "p".repeat(155), name: "n".repeat(100) }),
  );
  const directory = `${"p".repeat(60)}/${"n".repeat(60)}/`;
  const bytes = encode({ path: fromText(directory), type: "directory", mode: 0o755 });
  assertEquals(bytes.length, 512);
  assertEquals(readTar(bytes)[0]?.entry.path as string, directory);
  for (const path of ["x".repeat(101), `${"p".repeat(156)}/n`, `p/${"n".repeat(101)}`]) {
    assertEquals(recordsOf(encode({ path: fromText(path) })), `${path.length + 10} path=${path}\n`);
  }
});

Deno.test("PAX records: only what is needed, sorted, lengths that count themselves", () => {
  assertEquals(recordsOf(encode({ mtime: timestamp(1, 500_000_000) })), "13 mtime=1.5\n");
  assertEquals(
    recordsOf(encode({ mtime: timestampFromBigInt(-2n, 750_000_000) })),
    "15 mtime=-1.25\n",
  );
  assertEquals(recordsOf(encode({ mtime: timestamp(-1) })), "12 mtime=-1\n");
  assertEquals(recordsOf(encode({ mtime: timestamp(-1, 500_000_000) })), "14 mtime=-0.5\n");
  assertEquals(recordsOf(encode({ uid: 2 ** 21, gid: 2 ** 21 - 1 })), "15 uid=2097152\n");
  assertEquals(recordsOf(encode({ size: 8 ** 11 })), "19 size=8589934592\n");
  assertEquals(recordsOf(encode({ size: 8 ** 11 - 1 })), "");
  assertEquals(recordsOf(encode({ path: fromText("é") })), "11 path=\xc3\xa9\n");
  assertEquals(
    recordsOf(encode({ path: asByteString("\xff"), gid: 2 ** 32 - 2 })),
    "18 gid=4294967294\n21 hdrcharset=BINARY\n9 path=\xff\n",
  );
});

Deno.test("xattrs are SCHILY records, names with an equals sign those of libarchive", () => {
  const xattr = (name: string, value: string) => ({
    name: asByteString(name),
    value: asByteString(value),
  });
  const bytes = encode({
    xattrs: [xattr("user.b", "\n"), xattr("user.a", ""), xattr("user.%=\xff", "\xff\0")],
  });
  assertEquals(
    recordsOf(bytes),
    "39 LIBARCHIVE.xattr.user.%25%3D%FF=/wA\n" +
      "24 SCHILY.xattr.user.a=\n25 SCHILY.xattr.user.b=\n\n",
  );
});

Deno.test("numbers in PAX are also in the header, so that all readers see the same", () => {
  const bytes = encode({ size: 2 ** 40, uid: 2 ** 32 - 2, mtime: timestamp(-5) });
  const own = readTarHeader(bytes.subarray(bytes.length - 512));
  assertEquals([own?.size, own?.uid], [2 ** 40, 2 ** 32 - 2]);
  assertEquals(own?.mtime, timestamp(-5));
});

Deno.test("an entry that no archive can hold is refused", () => {
  const bad: Partial<TarEntry>[] = [
    { path: fromText("") },
    { path: fromText("a\0b") },
    { type: "symlink" },
    { type: "symlink", linkname: fromText("a\0b") },
    { linkname: fromText("t") },
    { size: -1 },
    { size: 1.5 },
    { size: 2 ** 53 },
    { type: "directory", size: 1 },
    { mode: -1 },
    { mode: 8 ** 7 },
    { uid: 1.5 },
    { gid: 2 ** 53 },
    { type: "char", devmajor: -1 },
    { type: "char", devminor: 8 ** 7 },
    { xattrs: [{ name: fromText(""), value: fromText("x") }] },
    { xattrs: [{ name: fromText("user.\0"), value: fromText("x") }] },
  ];
  for (const changes of bad) {
    assertThrows(() => encode(changes), RangeError, "Cannot write tar entry");
  }
});

Deno.test("a PAX header that readers would refuse is E_LIMIT", () => {
  const value = (length: number) => fromText("v".repeat(length));
  const xattrs = (length: number) => [{ name: fromText("user.a"), value: value(length) }];
  // 1 MiB minus the length, the key and the characters around them.
  const most = 1024 * 1024 - "1048576 SCHILY.xattr.user.a=\n".length;
  const bytes = encode({ xattrs: xattrs(most) });
  assertEquals(readTar(bytes)[0]?.entry.xattrs[0]?.value.length, most);
  const error = assertThrows(() => encode({ xattrs: xattrs(most + 1) }), VarveError);
  assertEquals(error.code, "E_LIMIT");
});

Deno.test("an archive: header, content, padding, end mark", () => {
  const tar = written((writer) => {
    writer.entry({ ...PLAIN, size: 5 });
    assertEquals(writer.position, 512);
    writer.data(new TextEncoder().encode("he"));
    writer.data(new TextEncoder().encode("llo"));
    writer.endEntry();
    assertEquals(writer.position, 1024);
    writer.finish();
  });
  assertEquals(tar, concat(file("f", "hello"), END));
});

Deno.test("the format does not change: a golden digest", () => {
  const tar = written((writer) => {
    for (
      const changes of [
        { path: fromText("dir/"), type: "directory", mode: 0o755, mtime: timestamp(1) },
        { path: fromText("é"), uid: 4_000_000, mtime: timestamp(-3, 7) },
        {
          path: asByteString("\xff"),
          xattrs: [{ name: fromText("user.a"), value: fromText("b") }],
        },
        { path: fromText("n".repeat(300)), type: "hardlink", linkname: fromText("é") },
      ] as Partial<TarEntry>[]
    ) {
      writer.entry({ ...PLAIN, ...changes });
      writer.endEntry();
    }
    writer.finish();
  });
  assertEquals(
    sha256(tar),
    "sha256:e5370ba0131076edcfe9c491d50e8734deaeb91ada050c818b25c05fc3ca2097",
  );
});

Deno.test("content that is not as long as the entry says is E_SIZE", () => {
  const writer = new TarWriter(() => {});
  writer.entry({ ...PLAIN, size: 3 });
  writer.data(new Uint8Array(2));
  const short = assertThrows(() => writer.endEntry(), VarveError);
  assertEquals([short.code, short.details.expected, short.details.actual], ["E_SIZE", 3, 2]);
  const long = assertThrows(() => writer.data(new Uint8Array(2)), VarveError);
  assertEquals([long.code, long.details.expected, long.details.actual], ["E_SIZE", 3, 4]);
  assertThrows(() => writer.hole(2), VarveError);
});

Deno.test("calls out of order are the caller's mistake", () => {
  const writer = new TarWriter(() => {});
  assertThrows(() => writer.data(new Uint8Array(1)), TypeError);
  assertThrows(() => writer.endEntry(), TypeError);
  writer.entry(PLAIN);
  assertThrows(() => writer.entry(PLAIN), TypeError);
  assertThrows(() => writer.finish(), TypeError);
  writer.endEntry();
  writer.finish();
  assertThrows(() => writer.finish(), TypeError);
  assertThrows(() => writer.entry(PLAIN), TypeError);
});

Deno.test("a writer can be the handler of a reader; sparse files become whole files", () => {
  const sparse = concat(
    pax([
      ["GNU.sparse.size", "200000"],
      ["GNU.sparse.numblocks", "1"],
      ["GNU.sparse.map", "100000,3"],
    ]),
    file("s", "abc"),
  );
  const tar = written((writer) => {
    const reader = new TarReader(writer);
    reader.push(concat(sparse, file("t", "x"), END));
    reader.end();
    writer.finish();
  });
  const [first, second] = readTar(tar);
  assertEquals(first?.content, `${"\0".repeat(100_000)}abc${"\0".repeat(99_997)}`);
  assertEquals(first?.entry.extents, [{ logical: 0, length: 200_000, position: 512 }]);
  assertEquals(second?.content, "x");
});

Deno.test("padding fills the last block", () => {
  assertEquals([0, 1, 511, 512, 513, 2 ** 40 + 1].map(tarPadding), [0, 511, 1, 0, 511, 511]);
});

/** The entry that a reader makes from a header without its content. */
function readTarHeader(block: Uint8Array): TarEntry | undefined {
  let found: TarEntry | undefined;
  const reader = new TarReader({
    entry: (entry) => found = entry,
    data() {},
    hole() {},
    endEntry() {},
  }, { limits: { layerBytes: 2 ** 50 } });
  reader.push(block);
  return found;
}

Deno.test("a writer gives each entry the bytes of its own header, whatever came before", () => {
  const entries: Partial<TarEntry>[] = [
    { path: fromText("x".repeat(300)), mtime: timestamp(-5, 250), uid: 2 ** 40 },
    { xattrs: [{ name: fromText("user.a"), value: asByteString("\xff".repeat(60_000)) }] },
    {},
    { path: asByteString("\xfe".repeat(120)), mode: 0o7777 },
    { path: fromText("dir/"), type: "directory", mtime: timestamp(2 ** 33) },
    { type: "symlink", linkname: fromText("y".repeat(4000)) },
    { type: "char", devmajor: 4095, devminor: 2 ** 20 - 1 },
  ];
  const bytes = written((writer) => {
    for (const changes of entries) {
      writer.entry({ ...PLAIN, ...changes });
      writer.endEntry();
    }
  });
  assertEquals(bytes, concat(...entries.map(encode)));
});
