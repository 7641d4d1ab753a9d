// Pinned digests: when one of these changes, so does the format, and every stored tree with it.
import { assertEquals } from "@std/assert";
import { EPOCH, timestamp } from "../../lib/bytes/mod.ts";
import { type DiffId, type Digest, sha256 } from "../../lib/digest/mod.ts";
import { applyLayer } from "../../lib/layer/mod.ts";
import { emptyTree, encodeTree, type Node, type Tree, TreeBuilder } from "../../lib/tree/mod.ts";
import { b, dir, file, symlink } from "../support/trees/tree_nodes.ts";

const SOURCE = `sha256:${"5a".repeat(32)}` as DiffId;

function everything(): Tree {
  const builder = new TreeBuilder({ kind: "layer" });
  const d = builder.put(0, b("dir"), dir({ mode: 0o1777, uid: 4294967294, gid: 5 }));
  const common = { mode: 0o640, uid: 1, gid: 2, xattrs: [], group: null };
  const f = builder.put(d, b("file"), {
    ...file(2 ** 33 + 1),
    mtime: timestamp(-5, 999_999_999),
    xattrs: [{ name: b("user.b"), value: b("\x00\xff") }, { name: b("user.a"), value: b("") }],
  });
  builder.content(f, new Uint8Array(32).map((_, i) => i), [{
    logical: 0,
    length: 2 ** 33 + 1,
    position: 512,
  }]);
  builder.link(0, b("link"), f);
  builder.put(d, b("empty"), file());
  builder.put(d, b("symlink"), symlink("../file"));
  builder.put(d, b("null"), { ...common, type: "char", mtime: EPOCH, major: 1, minor: 3 });
  builder.put(d, b("disk"), { ...common, type: "block", mtime: EPOCH, major: 259, minor: 1048575 });
  builder.put(d, b("fifo"), { ...common, type: "fifo", mtime: EPOCH });
  builder.put(0, b("gone"), { type: "whiteout" });
  builder.put(0, b("opaque"), dir({ opaque: true }));
  builder.put(builder.put(0, b("implied"), dir({ implied: true })), b("\xff\x01"), file());
  return builder.finish(SOURCE);
}

function large(): Tree {
  const builder = new TreeBuilder({ kind: "root" });
  for (let i = 0; i < 5000; i++) {
    builder.put(0, b(`entry-${i}`), i % 3 === 0 ? symlink(`t${i}`) : dir({ uid: i }) as Node);
  }
  return builder.finish(null);
}

const GOLDEN: Record<string, Digest> = {
  "empty root": "sha256:6e6618b8ab4d705880e63824e9fbecdbef82e63168cb9e9667a3745793ea7b35" as Digest,
  "empty layer":
    "sha256:a54c8befd4096a2e24f4bfebe6a4911481677d5309ec8dec387699d184d39655" as Digest,
  everything: "sha256:3f2b76db488d5251f2426bd70c785dc4303c7edc8f78ac0d7d887efa9a702695" as Digest,
  "everything applied":
    "sha256:2fcb0dc09f2a8587e2a3ed58c31f6823db435c9ef926f56b34be04ffd7dba5de" as Digest,
  large: "sha256:4f2629d752c905196210432e0ac4fae7f8ff35c36993225b8bd272787ac85b7c" as Digest,
  "file form": "sha256:bb2af68a02a837ce9e2e8fe79b8bce18159f6941640ff47b54d13b02d6575827" as Digest,
};

Deno.test("the digests of format version 1", () => {
  const layer = everything();
  const actual: Record<string, Digest> = {
    "empty root": emptyTree("root").digest,
    "empty layer": emptyTree("layer").digest,
    everything: layer.digest,
    "everything applied": applyLayer(emptyTree("root"), layer).digest,
    large: large().digest,
    "file form": sha256(
      new Uint8Array(encodeTree(layer).flatMap((piece) => [...piece])),
    ),
  };
  assertEquals(actual, GOLDEN);
});
