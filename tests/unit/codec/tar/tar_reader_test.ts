import { assertEquals, assertThrows } from "@std/assert";
import { TarReader } from "../../../../lib/codec/tar/mod.ts";
import { Collector, concat, END, file, header, pax } from "../../../support/tar/raw_blocks.ts";

Deno.test("content can be skipped, in part or as a whole", () => {
  const collector = new Collector();
  const reader = new TarReader(collector);
  assertEquals(reader.skippable, 0);
  reader.push(header({ name: "f", size: 1000 }));
  assertEquals(reader.skippable, 1000);
  reader.skip(990);
  assertEquals([reader.skippable, reader.position], [10, 512 + 990]);
  assertThrows(() => reader.skip(11), RangeError);
  assertThrows(() => reader.skip(-1), RangeError);
  reader.push(new TextEncoder().encode("0123456789"));
  assertEquals(reader.skippable, 0);
  reader.skip(0);
  assertThrows(() => reader.skip(1), RangeError);
  reader.push(concat(new Uint8Array(24), file("g", "x"), END));
  reader.end();
  assertEquals(collector.told.map((t) => [t.entry.path as string, t.content, t.ended]), [
    ["f", "0123456789", true],
    ["g", "x", true],
  ]);
});

Deno.test("skipping to the end of the content ends the entry", () => {
  const collector = new Collector();
  const reader = new TarReader(collector);
  const sparse = pax([
    ["GNU.sparse.size", "20"],
    ["GNU.sparse.numblocks", "2"],
    ["GNU.sparse.map", "0,3,10,4"],
  ]);
  reader.push(concat(sparse, header({ name: "s", size: 7 })));
  assertEquals(reader.skippable, 3);
  reader.skip(3);
  // The next run of the file's data.
  assertEquals(reader.skippable, 4);
  reader.skip(4);
  assertEquals(collector.told[0]?.ended, true);
  assertEquals(collector.told[0]?.holes, [7, 6]);
});

Deno.test("a handler that fails while content is skipped ends the reader", () => {
  const handler = new Collector();
  handler.endEntry = () => {
    throw new Error("stop");
  };
  const reader = new TarReader(handler);
  reader.push(header({ name: "f", size: 1 }));
  assertThrows(() => reader.skip(1), Error, "stop");
  assertThrows(() => reader.push(END), TypeError);
});

Deno.test("empty chunks change nothing", () => {
  const collector = new Collector();
  const reader = new TarReader(collector);
  const empty = new Uint8Array(0);
  for (const part of [empty, header({ name: "f", size: 3 }), empty, empty]) reader.push(part);
  reader.push(concat(new TextEncoder().encode("abc"), new Uint8Array(509)));
  reader.push(empty);
  reader.end();
  assertEquals(collector.told[0]?.content, "abc");
});

Deno.test("a chunk of shared memory is read as any other", () => {
  const tar = concat(pax([["path", "long"]]), file("f", "abc"), END);
  const shared = new Uint8Array(new SharedArrayBuffer(tar.length));
  shared.set(tar);
  const collector = new Collector();
  const reader = new TarReader(collector);
  reader.push(shared);
  reader.end();
  assertEquals(collector.told.map((t) => [t.entry.path as string, t.content]), [["long", "abc"]]);
});
