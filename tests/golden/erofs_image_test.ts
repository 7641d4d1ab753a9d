// A pinned image: when its digest changes, so must EROFS_WRITER_VERSION, or stores mount other bytes under one name.
import { assertEquals } from "@std/assert";
import { EPOCH, timestamp } from "../../lib/bytes/mod.ts";
import { EROFS_WRITER_VERSION, erofsImageName, writeErofs } from "../../lib/codec/erofs/mod.ts";
import { sha256 } from "../../lib/digest/mod.ts";
import { type Tree, TreeBuilder } from "../../lib/tree/mod.ts";
import { bytesOf, LAYERS, readLayer } from "../support/trees/erofs_trees.ts";
import { b, dir, file, symlink } from "../support/trees/tree_nodes.ts";

/** One of everything that an image can say. */
function everything(): Tree {
  const [one, two] = [...LAYERS.keys()];
  if (one === undefined || two === undefined) throw new Error("there are layers");
  const builder = new TreeBuilder({ kind: "root" });
  const whole = (size: number, position: number) => ({
    locator: { source: two, extents: [{ logical: 0, length: size, position }] },
  });
  const odd = { mode: 0o640, uid: 1, gid: 2, xattrs: [], group: null, mtime: EPOCH };
  const xattrs = [
    { name: b("security.capability"), value: b("\x01") },
    { name: b("user.shared"), value: b("v") },
  ];
  const d = builder.put(0, b("dir"), dir({ mode: 0o1777, uid: 4294967294, gid: 5, xattrs }));
  for (let i = 0; i < 100; i++) builder.put(d, b(`name-${i}`), symlink(`target-${i}`));
  builder.put(0, b("!before"), file());
  const f = builder.put(0, b("file"), file(5000, 1, { ...whole(5000, 512), xattrs }));
  builder.link(d, b("link"), f);
  builder.put(0, b("large"), file(3 * 2 ** 30 + 7, 2, whole(3 * 2 ** 30 + 7, 1024)));
  builder.put(0, b("copied"), file(700, 3, whole(700, 100)));
  const extents = [{ logical: 4096, length: 4096, position: 8192 }];
  builder.put(0, b("sparse"), file(20_000, 4, { locator: { source: one, extents } }));
  builder.put(0, b("long"), symlink("t".repeat(600)));
  builder.put(0, b("old"), file(0, 0, { mtime: timestamp(-5, 999_999_999) }));
  builder.put(0, b("null"), { ...odd, type: "char", major: 1, minor: 3 });
  builder.put(0, b("disk"), { ...odd, type: "block", major: 259, minor: 1048575 });
  builder.put(0, b("fifo"), { ...odd, type: "fifo" });
  return builder.finish(null);
}

Deno.test("the bytes of writer version 1", () => {
  const tree = everything();
  const image = bytesOf(writeErofs(tree, { read: readLayer }));
  assertEquals({
    version: EROFS_WRITER_VERSION,
    image: sha256(image) as string,
    name: erofsImageName(tree) as string,
  }, {
    version: 1,
    image: "sha256:d5cf9587517a4b959d5ec8348e1e6228333f6eaf1b09de48d0f130168bc5cccd",
    name: "sha256:b74306462439a786dfba1eb5791089a1b8f801e84a4072efe70eddcdcf0893fc",
  });
});
