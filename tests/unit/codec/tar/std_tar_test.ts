import { assert, assertEquals, assertRejects } from "@std/assert";
import { TarStream, type TarStreamEntry, type TarStreamInput, UntarStream } from "@std/tar";
import { type ByteString, EPOCH, fromText, timestamp } from "../../../../lib/bytes/mod.ts";
import {
  entriesFromTarStream,
  type TarStreamLoss,
  treeToTarStreamInputs,
} from "../../../../lib/codec/tar/mod.ts";
import { type DiffId, sha256, sha256Bytes } from "../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { applyLayer, LayerBuilder } from "../../../../lib/layer/mod.ts";
import { emptyTree, type Tree } from "../../../../lib/tree/mod.ts";
import { dir, entryOf, file } from "../../../support/images/entries.ts";
import {
  base256,
  body,
  concat,
  END,
  file as rawFile,
  gnuLong,
  header,
  pax,
  readTar,
} from "../../../support/tar/raw_blocks.ts";

const CONTENT = new TextEncoder().encode("hello world");

/** Makes a layer tree of entries. All files that are not empty have the same content. */
function layerOf(entries: readonly ReturnType<typeof entryOf>[]): Tree {
  const builder = new LayerBuilder();
  for (const entry of entries) if (builder.entry(entry)) builder.content(sha256Bytes(CONTENT));
  return builder.finish(sha256(CONTENT) as DiffId).tree;
}

const full = (path: string) => entryOf(path, "file", { size: CONTENT.length });

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concat(...parts);
}

const LAYER = layerOf([
  dir("etc/", 1),
  full("etc/motd"),
  file("etc/empty", 7),
  file("etc/.wh.old"),
  dir("var/", 2),
  file("var/.wh..wh..opq"),
  full(`var/${"d".repeat(80)}/${"n".repeat(80)}`),
]);

Deno.test("a tree goes through a TarStream, and comes back through an UntarStream", async () => {
  const tar = await bytesOf(
    treeToTarStreamInputs(LAYER, () => [CONTENT]).pipeThrough(new TarStream()),
  );
  // TarReader reads what the package writes.
  assertEquals(readTar(tar).map((t) => [t.entry.path as string, t.content.length]), [
    ["etc/", 0],
    ["etc/.wh.old", 0],
    ["etc/empty", 0],
    ["etc/motd", 11],
    ["var/", 0],
    ["var/.wh..wh..opq", 0],
    [`var/${"d".repeat(80)}/${"n".repeat(80)}`, 11],
  ]);
  const builder = new LayerBuilder();
  const extents: unknown[] = [];
  const entries = ReadableStream.from([tar]).pipeThrough(new UntarStream());
  for await (const { entry, content } of entriesFromTarStream(entries)) {
    if (entry.extents.length > 0) extents.push(entry.extents);
    if (!builder.entry(entry)) continue;
    assert(content !== null);
    builder.content(sha256Bytes(await bytesOf(content)));
  }
  assertEquals(builder.finish(sha256(tar) as DiffId).tree.digest, LAYER.digest);
  const expected = readTar(tar).map((t) => t.entry.extents).filter((list) => list.length > 0);
  assertEquals(extents, expected as unknown[]);
});

Deno.test("what a TarStream cannot hold is an error or a reported loss", async () => {
  const lossy = applyLayer(
    emptyTree("root"),
    layerOf([
      full("a"),
      entryOf("b", "hardlink", { linkname: "a" }),
      entryOf("c", "symlink", { linkname: "a" }),
      entryOf("d", "fifo"),
      entryOf("\xe9".repeat(60)),
      entryOf("g", "file", { mtime: timestamp(5, 1) }),
      entryOf("h", "file", { mtime: timestamp(-5) }),
      entryOf("i", "file", { uid: 2 ** 18, gid: 3 }),
      entryOf("j", "file", {
        xattrs: [{ name: fromText("user.x"), value: fromText("y") }],
      }),
      { ...entryOf("k"), path: "k\xff" as ByteString },
    ]),
  );
  const losses: TarStreamLoss[] = [];
  const inputs = treeToTarStreamInputs(lossy, () => [CONTENT], {
    onLoss: (loss) => losses.push(loss),
  });
  const tar = await bytesOf(inputs.pipeThrough(new TarStream()));
  assertEquals(losses.map(({ path, what }) => [path as string, what as string]), [
    ["b", "hardlink"],
    ["c", "type"],
    ["d", "type"],
    ["g", "mtime"],
    ["h", "mtime"],
    ["i", "owner"],
    ["j", "xattrs"],
    ["k\xff", "name"],
    [fromText("\xe9".repeat(60)) as string, "name"],
  ]);
  assertEquals(
    readTar(tar).map((
      { entry, content },
    ) => [entry.path as string, content, entry.uid, entry.mtime]),
    [
      ["a", "hello world", 0, EPOCH],
      ["b", "hello world", 0, EPOCH],
      ["g", "", 0, timestamp(5)],
      ["h", "", 0, EPOCH],
      ["i", "", 0, EPOCH],
      ["j", "", 0, EPOCH],
    ],
  );
  const strict = treeToTarStreamInputs(lossy, () => [CONTENT]).pipeThrough(new TarStream());
  const error = await assertRejects(() => bytesOf(strict), VarveError);
  assertEquals([error.code, error.details.subject], ["E_UNSUPPORTED", "b"]);
});

Deno.test("a directory of a tree goes through a TarStream", async () => {
  const inputs = treeToTarStreamInputs(LAYER, () => [CONTENT], { under: fromText("etc") });
  const paths: string[] = [];
  for await (const input of inputs) {
    paths.push(input.path);
    if (input.type === "file") await input.readable.cancel();
  }
  assertEquals(paths, ["./", ".wh.old", "empty", "motd"]);
});

function untar(tar: Uint8Array): ReadableStream<TarStreamEntry> {
  return ReadableStream.from([tar]).pipeThrough(new UntarStream());
}

async function itemsOf(tar: Uint8Array) {
  const found = [];
  for await (const { entry } of entriesFromTarStream(untar(tar))) found.push(entry);
  return found;
}

Deno.test("every type of ustar becomes an entry, and unread content is skipped", async () => {
  const tar = concat(
    rawFile("f", "x".repeat(2000), { mode: 0o100644, mtime: 9 }),
    header({ name: "h", type: "1", linkname: "f" }),
    header({ name: "s", type: "2", linkname: "f" }),
    header({ name: "c", type: "3", devmajor: 5, devminor: 9 }),
    header({ name: "d/", type: "5", mode: 0o700, uid: 8, gid: 9 }),
    header({ name: "p", type: "6" }),
    rawFile("old/", "", { dialect: "v7", type: "\0" }),
    rawFile("last", "y"),
    END,
  );
  // The package and TarReader give the same entries.
  assertEquals(await itemsOf(tar), readTar(tar).map(({ entry }) => entry));
});

Deno.test("PAX, GNU and malformed headers are refused, not taken for files", async () => {
  const cases: [Uint8Array, string][] = [
    [concat(pax([["path", "x"]]), rawFile("f")), "E_UNSUPPORTED"],
    [concat(pax([["path", "x"]], "g"), rawFile("f")), "E_UNSUPPORTED"],
    [concat(gnuLong("L", "x"), rawFile("f")), "E_UNSUPPORTED"],
    [rawFile("s", "x", { type: "S", dialect: "gnu" }), "E_UNSUPPORTED"],
    [rawFile("caf\xe9"), "E_UNSUPPORTED"],
    [rawFile("z", "", { type: "Z" }), "E_TYPE"],
    [rawFile("d/", "x"), "E_TYPE"],
    [header({ name: "f", size: base256(5n, 12) }), "E_HEADER"],
    [header({ name: "f", uid: base256(-1n, 8) }), "E_HEADER"],
    [header({ name: "f", mode: "rwx" }), "E_HEADER"],
  ];
  for (const [tar, code] of cases) {
    const error = await assertRejects(() => itemsOf(concat(tar, END)), VarveError);
    assertEquals(error.code, code, error.message);
  }
});

Deno.test("errors of an UntarStream are passed on", async () => {
  const broken = concat(header({ name: "f", checksum: { raw: "777777\0 " } }), END);
  await assertRejects(() => itemsOf(broken), SyntaxError, "checksum");
  await assertRejects(() => itemsOf(rawFile("f", "x")), TypeError, "invalid ending");
  await assertRejects(() => itemsOf(new Uint8Array(512)), RangeError, "too small");
  await assertRejects(() => itemsOf(concat(rawFile("f", "x"), new Uint8Array(700))), RangeError);
});

Deno.test("a consumer can stop early", async () => {
  const tar = concat(rawFile("a", "x".repeat(5000)), rawFile("b", "y".repeat(5000)), END);
  for await (const { entry, content } of entriesFromTarStream(untar(tar))) {
    assertEquals(entry.path as string, "a");
    assert(content !== null);
    const reader = content.getReader();
    assertEquals((await reader.read()).value?.length, 512);
    await reader.cancel();
    reader.releaseLock();
    break;
  }
  const seen: string[] = [];
  for await (const { entry } of entriesFromTarStream(untar(tar))) seen.push(entry.path);
  assertEquals(seen, ["a", "b"]);
});

Deno.test("the stand-in refuses what the real package refuses", async () => {
  const write = (input: Partial<TarStreamInput> & { size?: number }) =>
    bytesOf(
      ReadableStream.from([{
        type: "file",
        path: "f",
        size: 0,
        readable: ReadableStream.from([]),
        ...input,
      } as TarStreamInput]).pipeThrough(new TarStream()),
    );
  await assertRejects(() => write({ path: "x".repeat(101) }), RangeError, "100 bytes");
  await assertRejects(() => write({ path: "x/".repeat(150) }), RangeError, "256 bytes");
  await assertRejects(() => write({ path: `${"x".repeat(160)}/y` }), TypeError, "split-able");
  await assertRejects(() => write({ size: 64 * 1024 ** 3 + 1 }), RangeError, "64 Gibs");
  await assertRejects(() => write({ size: 5 }), RangeError, "did not match");
  for (
    const options of [
      { mode: -1 },
      { mode: 8 ** 6 },
      { uid: 8 ** 6 },
      { gid: NaN },
      { mtime: 8 ** 11 },
      { uname: "é" },
      { gname: "g".repeat(32) },
      { devmajor: "123456789" },
    ]
  ) {
    await assertRejects(() => write({ options }), TypeError, "Invalid");
  }
  const split = `${"p".repeat(155)}/${"n".repeat(98)}`;
  const [told] = readTar(await write({ path: split, options: { mtime: 5 } }));
  assertEquals([told?.entry.path as string, told?.entry.mtime], [split, timestamp(5)]);
  assertEquals(body("").length, 0);
});
