/** Properties of the tar codec: reading gives what was written, for chunks of any size. */
import { assert, assertEquals } from "@std/assert";
import { type ByteString, secondsOf, timestampFromBigInt } from "../../lib/bytes/mod.ts";
import {
  encodeTarHeader,
  type TarEntry,
  TarReader,
  TarWriter,
  writeTree,
} from "../../lib/codec/tar/mod.ts";
import { type DiffId, sha256, sha256Bytes } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { applyLayer, LayerBuilder } from "../../lib/layer/mod.ts";
import {
  emptyTree,
  type FileNode,
  type Node,
  type Tree,
  type WhiteoutNode,
} from "../../lib/tree/mod.ts";
import { forSeeds, type Prng } from "../support/prng.ts";
import {
  Collector,
  concat,
  END,
  file,
  gnuLong,
  header,
  pax,
  putChecksum,
  type ReadEntry,
} from "../support/tar/raw_blocks.ts";
import { type Item, treeOf } from "../support/trees/model_tree.ts";
import { random, randomModel } from "../support/trees/random_tree.ts";

const TYPES = ["file", "hardlink", "symlink", "char", "block", "directory", "fifo"] as const;

function randomString(random: Prng, longest: number): string {
  const length = random.pick([1, 2, 10, 99, 100, 101, 155, 156, 255, 256, longest]);
  const alphabet = random.pick(["abc/", "a/.", "\xff\xfe\x80/", "caf\xc3\xa9/", "\n\t =%\\"]);
  let out = "";
  while (out.length < length) out += alphabet[random.int(0, alphabet.length)];
  return out;
}

function randomEntry(random: Prng): TarEntry {
  const type = random.pick(TYPES);
  const isLink = type === "hardlink" || type === "symlink";
  const isDevice = type === "char" || type === "block";
  const ids = [0, 1000, 0o7777777, 0o10000000, 2 ** 32 - 2, 2 ** 40, -1];
  const seconds = [0n, 1n, -1n, -2n, 2n ** 33n - 1n, 2n ** 33n, 2n ** 63n - 1n, -(2n ** 63n)];
  let path = randomString(random, 700);
  // The path of a file with content cannot end in a slash.
  if (type === "file" && path.endsWith("/")) path += "f";
  const xattrs = new Map<string, string>();
  for (let i = random.int(0, 4); i > 0 && random.chance(0.5); i--) {
    const name = random.pick([
      "user.a",
      "user.a=b",
      "user.%3D",
      "security.capability",
      "user.\xff=",
    ]);
    xattrs.set(name, String.fromCharCode(...random.bytes(random.int(0, 40))));
  }
  return {
    path: path as ByteString,
    type,
    mode: random.pick([0, 0o644, 0o755, 0o7777, 0o100644]),
    uid: random.pick(ids),
    gid: random.pick(ids),
    mtime: timestampFromBigInt(
      random.pick(seconds),
      random.pick([0, 1, 100_000_000, 123_456_789, 999_999_999]),
    ),
    size: type === "file" ? random.pick([0, 1, 511, 512, 513, 3000]) : 0,
    linkname: (isLink ? randomString(random, 300) : "") as ByteString,
    devmajor: isDevice ? random.pick([0, 1, 4095]) : 0,
    devminor: isDevice ? random.pick([0, 1, 1048575]) : 0,
    xattrs: [...xattrs].map(([name, value]) => ({
      name: name as ByteString,
      value: value as ByteString,
    })),
  };
}

Deno.test("read(write(entries)) = entries, and writing is deterministic", async () => {
  await forSeeds(1200, (random) => {
    const entries = Array.from({ length: random.int(1, 5) }, () => randomEntry(random));
    const contents = entries.map((entry) => random.bytes(entry.size));
    const write = () => {
      const parts: Uint8Array[] = [];
      const writer = new TarWriter((bytes) => parts.push(bytes.slice()));
      entries.forEach((entry, i) => {
        writer.entry(entry);
        for (const piece of random.split(contents[i] as Uint8Array<ArrayBuffer>)) {
          writer.data(piece);
        }
        writer.endEntry();
      });
      writer.finish();
      return concat(...parts);
    };
    const tar = write();
    assertEquals(write(), tar);
    const told = read([tar]);
    assert(Array.isArray(told), `${told}`);
    assertEquals(
      told.map(({ entry: { extents: _, ...rest } }) => byName(rest)),
      entries.map(byName),
    );
    assertEquals(told.map(({ content }) => content), contents.map(text));
    for (const { entry } of told) {
      const [extent] = entry.extents;
      if (extent === undefined) continue;
      assertEquals(
        text(tar.subarray(extent.position, extent.position + extent.length)).length,
        entry.size,
      );
    }
  });
});

Deno.test("PAX is written only where ustar cannot hold a value", async () => {
  await forSeeds(1000, (random) => {
    const entry = randomEntry(random);
    const ascii = (name: string) => /^[\0-\x7f]*$/.test(name);
    const octal = (n: number | bigint, digits: number) => n >= 0 && n < 8n ** BigInt(digits);
    const slash = entry.path.lastIndexOf("/", Math.min(155, entry.path.length - 2));
    const needed = !ascii(entry.path) || !ascii(entry.linkname) || entry.linkname.length > 100 ||
      (entry.path.length > 100 && (slash < 1 || entry.path.length - slash - 1 > 100)) ||
      !octal(entry.uid, 7) || !octal(entry.gid, 7) || entry.mtime.ns !== 0 ||
      !octal(secondsOf(entry.mtime), 11) || entry.xattrs.length > 0;
    assertEquals(encodeTarHeader(entry).length > 512, needed);
  });
});

Deno.test("the size of the chunks does not change what is read of hostile bytes", async () => {
  let broken = 0;
  await forSeeds(1500, (random) => {
    const tar = mutated(random);
    const whole = read([tar]);
    if (typeof whole === "string") broken++;
    assertEquals(read(random.split(tar, random.pick([3, 100, 700, 5000]))), whole);
  });
  // Both kinds must occur, or the test proves nothing.
  assert(broken > 300 && broken < 1400, `${broken} of 1500 were refused`);
});

for (const kind of ["layer", "root"] as const) {
  Deno.test(`a ${kind} tree equals the tree of its archive`, async () => {
    await forSeeds(1000, async (_, seed) => {
      const r = random(seed);
      const model = randomModel(r, kind, 1 + r(25));
      prepare(model);
      const tree = treeOf(model, kind);
      const built = await readTree(await archiveOf(tree));
      const again = kind === "layer" ? built : applyLayer(emptyTree("root"), built);
      assertEquals(again.digest, tree.digest);
    });
  });
}

/** The handler calls for an archive in chunks, or the error. */
function read(chunks: readonly Uint8Array[]): readonly ReadEntry[] | string {
  const collector = new Collector();
  const reader = new TarReader(collector);
  try {
    for (const chunk of chunks) reader.push(chunk);
    reader.end();
    return collector.told;
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

/** An archive with all kinds of entries and a few changed bytes. Most headers get a correct checksum. */
function mutated(random: Prng): Uint8Array<ArrayBuffer> {
  const sparse = pax([
    ["GNU.sparse.size", "20"],
    ["GNU.sparse.numblocks", "2"],
    ["GNU.sparse.map", "0,3,10,4"],
  ]);
  const parts = [
    file("a", "hello"),
    pax([["path", "p/q"], ["mtime", "-1.5"], ["size", "3"], ["SCHILY.xattr.user.x", "y"]]),
    file("x", "abc"),
    gnuLong("L", "long".repeat(40)),
    file("short", "", { dialect: "gnu" }),
    sparse,
    file("s", "abcdefg"),
    header({ name: "dev", type: "3", devmajor: 5, devminor: 1 }),
    header({ name: "l", type: "2", linkname: "t" }),
  ];
  const chosen = Array.from({ length: random.int(1, 8) }, () => random.pick(parts).slice());
  const tar = concat(...chosen, random.chance(0.8) ? END : new Uint8Array(0));
  const changes = random.int(0, 5);
  for (let i = 0; i < changes; i++) {
    const at = random.int(0, tar.length);
    tar[at] = random.pick([0, 0x20, 0x30, 0x31, 0x37, 0x39, 0x2f, 0x80, 0xff, random.int(0, 256)]);
    const block = tar.subarray(at - at % 512, at - at % 512 + 512);
    if (random.chance(0.9) && block[0] !== 0) putChecksum(block);
  }
  return random.chance(0.2) ? tar.subarray(0, random.int(0, tar.length + 1)) : tar;
}

function text(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}

/** Sorts xattrs: the writer sorts them by their record, and their order has no meaning. */
function byName(entry: TarEntry): TarEntry {
  return { ...entry, xattrs: [...entry.xattrs].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Small files with their true digests, and nothing that the rules of layers would change. */
function prepare(item: Item, opaqueAbove = false): void {
  const { node } = item.inode;
  const opaque = opaqueAbove || (node.type === "directory" && node.opaque);
  if (node.type !== "whiteout") item.inode.node = plain(node);
  for (const [name, child] of item.children) {
    prepare(child, opaque);
    const below = child.inode.node;
    const says = below.type === "whiteout"
      ? !opaque
      : !(below.type === "directory" && below.implied && !below.opaque &&
        child.children.size === 0);
    if (!says) item.children.delete(name);
  }
}

function plain(node: Exclude<Node, WhiteoutNode>): Node {
  const keeps = node.type === "file" || node.type === "directory";
  const xattrs = node.xattrs.length > 0 && keeps
    ? [
      { name: "user.a" as ByteString, value: "" as ByteString },
      { name: "user.b=c" as ByteString, value: "\xff\0" as ByteString },
    ]
    : [];
  if (node.type === "symlink") return { ...node, xattrs, mode: 0o777 };
  if (node.type !== "file") return { ...node, xattrs };
  const size = node.size % 4999;
  const digest = size === 0 ? null : sha256Bytes(contentOf({ ...node, size }));
  return { ...node, xattrs, size, digest, locator: null };
}

/** Content that is computed from fields that writing and reading keep. */
function contentOf(node: Pick<FileNode, "size" | "mode">): Uint8Array {
  return new Uint8Array(node.size).fill(node.mode % 251 + 1);
}

async function archiveOf(tree: Tree): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const chunks = writeTree(tree, (_path, node) => [contentOf(node)]);
  for await (const part of chunks) parts.push(part);
  return concat(...parts);
}

function readTree(tar: Uint8Array): Tree {
  const builder = new LayerBuilder();
  let content: Uint8Array[] = [];
  let wanted = false;
  const reader = new TarReader({
    entry: (entry) => {
      content = [];
      wanted = builder.entry(entry);
    },
    data: (chunk) => content.push(chunk.slice()),
    hole: (length) => content.push(new Uint8Array(length)),
    endEntry: () => wanted && builder.content(sha256Bytes(concat(...content))),
  });
  reader.push(tar);
  reader.end();
  return builder.finish(sha256(tar) as DiffId).tree;
}
