import { assert, assertEquals, assertThrows } from "@std/assert";
import { EPOCH } from "../../../../lib/bytes/mod.ts";
import { crc32c } from "../../../../lib/codec/erofs/crc32c.ts";
import { readErofs, writeErofs } from "../../../../lib/codec/erofs/mod.ts";
import { readDirents } from "../../../../lib/codec/erofs/read/read_dirents.ts";
import { ImageBytes } from "../../../../lib/codec/erofs/read/image_bytes.ts";
import { readInode } from "../../../../lib/codec/erofs/read/read_inode.ts";
import { readSuperblock } from "../../../../lib/codec/erofs/read/read_superblock.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { TreeBuilder } from "../../../../lib/tree/mod.ts";
import { bytesOf, LAYERS } from "../../../support/trees/erofs_trees.ts";
import { b, dir, file, symlink } from "../../../support/trees/tree_nodes.ts";

const [SOURCE] = [...LAYERS.keys()];

/** A tree with the directories `a` and `a/b`, and one entry of each other type. */
function sample(): Uint8Array {
  const builder = new TreeBuilder({ kind: "root" });
  builder.put(builder.put(0, b("a"), dir()), b("b"), dir({ uid: 70_000 }));
  const extents = [{ logical: 0, length: 5000, position: 512 }];
  if (SOURCE === undefined) throw new Error("there are layers");
  builder.put(0, b("file"), file(5000, 1, { uid: 70_000, locator: { source: SOURCE, extents } }));
  builder.put(0, b("link"), symlink("target"));
  const fifo = { mode: 0o600, uid: 0, gid: 0, mtime: EPOCH, xattrs: [], group: null };
  builder.put(0, b("pipe"), { ...fifo, type: "fifo" });
  return bytesOf(writeErofs(builder.finish(null)));
}

/** The bytes of an image, with helpers that find what a test wants to change. */
class ImageEditor {
  readonly bytes: Uint8Array = sample();
  readonly view: DataView = new DataView(this.bytes.buffer);
  readonly root: number = this.view.getUint16(1024 + 14, true);

  /** The inode numbers of the entries of a directory, by name. */
  nids(directory: number): Map<string, number> {
    const { bytes } = this;
    const source = {
      size: bytes.length,
      readSync: (at: number, n: number) => bytes.slice(at, at + n),
    };
    const image = new ImageBytes(source);
    const sb = readSuperblock(image);
    const dirents = readDirents(image, sb, readInode(image, sb, directory));
    return new Map(Array.from(dirents, ({ name, nid }) => [name, nid]));
  }

  nid(name: string): number {
    return this.nids(this.root).get(name) as number;
  }

  /** Offset of the inode of a name in the root directory. */
  inode(name: string): number {
    return this.nid(name) * 32;
  }

  /** Offset of the entry for an inode in a directory that is stored inline. */
  dirent(directory: number, nid: number, nth = 0): number {
    const at = directory * 32;
    const start = at + ((this.bytes[at] as number) & 1 ? 64 : 32);
    for (let entry = start; entry < start + 400; entry += 12) {
      if (this.view.getUint32(entry, true) === nid && nth-- === 0) return entry;
    }
    throw new Error("no such entry");
  }

  /** Reads the image, which must fail. Returns code and message of the error. */
  refusal(): string {
    const error = assertThrows(() => readErofs(this.bytes, { hash: false }), VarveError);
    return `${error.code} ${error.message.replace("Cannot read EROFS image: ", "")}`;
  }
}

/** Changes a valid image. Returns code and message of the error, with each number as N. */
function refusal(change: (editor: ImageEditor) => void): string {
  const editor = new ImageEditor();
  readErofs(editor.bytes, { hash: false });
  change(editor);
  return editor.refusal().replace(/\d+/g, "N");
}

Deno.test("a directory with two names is refused, so there are no cycles", () => {
  const refused = refusal((p) => {
    const a = p.nid("a");
    p.view.setUint32(p.dirent(a, p.nids(a).get("b") as number), a, true);
  });
  assertEquals(refused, "E_FORMAT directory N has two names");
});

Deno.test(". and .. must refer to the directory and its parent", () => {
  const self = refusal((p) => p.view.setUint32(p.dirent(p.nid("a"), p.nid("a")), p.root, true));
  assertEquals(self, "E_FORMAT . of directory N refers to another directory");
  const up = refusal((p) => p.view.setUint32(p.dirent(p.nid("a"), p.root), p.nid("a"), true));
  assertEquals(up, "E_FORMAT .. of directory N refers to another directory");
  const none = refusal((p) => {
    const a = p.nid("a");
    // Replace `.` by a name that keeps the order.
    const entry = p.dirent(a, a);
    p.bytes[entry + p.view.getUint16(entry + 8, true)] = 0x2d;
    p.view.setUint32(entry, p.nid("pipe"), true);
    p.bytes[entry + 10] = 5;
  });
  assertEquals(none, "E_FORMAT directory N lacks . or ..");
});

Deno.test("names must be sorted, and types must match the inodes", () => {
  const unsorted = refusal((p) => {
    const at = p.dirent(p.root, p.nid("link"));
    const start = p.root * 32 + ((p.bytes[p.root * 32] as number) & 1 ? 64 : 32);
    p.bytes[start + p.view.getUint16(at + 8, true)] = 0x21;
  });
  assertEquals(unsorted, "E_FORMAT the names of directory N are not sorted");
  const type = refusal((p) => p.bytes[p.dirent(p.root, p.nid("pipe")) + 10] = 1);
  assertEquals(type, "E_FORMAT an entry of directory N has another type than its inode");
  const socket = refusal((p) => {
    p.bytes[p.dirent(p.root, p.nid("pipe")) + 10] = 6;
    p.view.setUint16(p.inode("pipe") + 4, 0o140600, true);
  });
  assertEquals(socket, "E_TYPE inode N has mode N");
});

Deno.test("a false size does not make the reader work or allocate", () => {
  const chunks = refusal((p) => {
    p.view.setUint32(p.inode("file") + 12, 0x1f_ffff, true);
    p.view.setUint16(p.inode("file") + 16, 0x20, true);
  });
  assertEquals(chunks, "E_FORMAT its parts overlap");
  const beyond = refusal((p) => p.view.setUint32(p.inode("file") + 12, 0x20_0000, true));
  assertEquals(beyond, "E_FORMAT inode N has a size beyond N^N");
  const target = refusal((p) => p.view.setUint32(p.inode("link") + 8, 0xffff_ffff, true));
  assertEquals(target, "E_FORMAT the target of inode N has N bytes");
  const directory = refusal((p) => p.view.setUint32(p.root * 32 + 8, 0x7fff_ffff, true));
  assert(directory.startsWith("E_FORMAT"), directory);
  const xattrs = refusal((p) => p.view.setUint16(p.inode("file") + 2, 0xffff, true));
  assertEquals(xattrs, "E_FORMAT its parts overlap");
});

Deno.test("content must lie in known devices and is hashed up to a limit", () => {
  const device = refusal((p) => p.view.setUint16(p.inode("file") + 64 + 2, 2, true));
  assertEquals(device, "E_FORMAT inode N lies in device N, which the image does not have");
  const inside = refusal((p) => {
    const chunk = p.inode("file") + 64;
    p.view.setUint16(chunk + 2, 0, true);
    p.view.setUint32(chunk + 4, 1000, true);
  });
  assertEquals(inside, "E_FORMAT the content of inode N lies outside of the image");
  const { bytes } = new ImageEditor();
  assertThrows(() => readErofs(bytes), TypeError, "`read` is missing");
  const error = assertThrows(() => readErofs(bytes, { maxContent: 4999 }), VarveError);
  assertEquals(error.code, "E_LIMIT");
});

Deno.test("an image with unknown features is refused", () => {
  assertEquals(
    refusal((p) => p.view.setUint32(1024 + 80, 0x4c, true)),
    "E_FORMAT it needs features NxN that are not supported",
  );
  assertEquals(refusal((p) => p.bytes[1024 + 12] = 30), "E_FORMAT its blocks have N^N bytes");
  assertEquals(refusal((p) => p.bytes[1024] = 0), "E_FORMAT it has no superblock");
  assertEquals(
    refusal((p) => p.view.setUint16(p.inode("file"), 1 | 1 << 1, true)),
    "E_FORMAT inode N is compressed or of an unknown form",
  );
  assertEquals(
    refusal((p) => p.view.setUint32(1024 + 8, 1, true)),
    "E_FORMAT the checksum of its superblock differs",
  );
});

Deno.test("a truncated image is refused, unless only padding is missing", () => {
  const whole = sample();
  const { digest } = readErofs(whole, { hash: false });
  let refused = 0;
  for (let length = 0; length < whole.length; length++) {
    try {
      assertEquals(readErofs(whole.slice(0, length), { hash: false }).digest, digest);
      assertEquals(whole.subarray(length).findIndex((byte) => byte !== 0), -1);
    } catch (error) {
      assert(error instanceof VarveError && error.code === "E_FORMAT", `${length}: ${error}`);
      refused++;
    }
  }
  assert(refused > 1500, `${refused} refused`);
});

Deno.test("a few shared xattrs cannot become many bytes", () => {
  const xattrs = [{ name: b("trusted.x"), value: b("v".repeat(60_000)) }];
  const builder = new TreeBuilder({ kind: "root" });
  for (let i = 0; i < 1200; i++) builder.put(0, b(`d${i}`), dir({ xattrs }));
  const image = bytesOf(writeErofs(builder.finish(null)));
  assert(image.length < 300_000);
  assertEquals(assertThrows(() => readErofs(image), VarveError).code, "E_LIMIT");
});

Deno.test("the checksum is CRC-32C", () => {
  const digits = new TextEncoder().encode("123456789");
  assertEquals((crc32c(0xffff_ffff, digits) ^ 0xffff_ffff) >>> 0, 0xe306_9283);
});
