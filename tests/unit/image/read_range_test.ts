import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { loadImages } from "../../../lib/archive/mod.ts";
import { joinBytes } from "../../../lib/bytes/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { importImage } from "../../../lib/image/mod.ts";
import { readAhead } from "../../../lib/image/read_range.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { streamOf } from "../../support/images/memory_store.ts";
import { header } from "../../support/tar/raw_blocks.ts";

const AHEAD = 4 * 1024 * 1024;

/** A stream in chunks that begins like gzip. Each chunk is a view of a larger buffer. */
async function* chunks(total: number, size: number, closed: { times: number }) {
  try {
    for (let at = 0; at < total; at += size) {
      const buffer = new Uint8Array(2 * size).fill(at / size % 251);
      if (at === 0) buffer.set([0x1f, 0x8b]);
      yield await Promise.resolve(buffer.subarray(0, Math.min(size, total - at)));
    }
  } finally {
    closed.times++;
  }
}

Deno.test("a stream that ends within 4 MiB has a size, a longer one has none", async () => {
  const size = 100_000;
  for (const total of [0, 1, size, AHEAD - 1, AHEAD, AHEAD + 1, AHEAD + 10 * size]) {
    const closed = { times: 0 };
    const ahead = await readAhead(chunks(total, size, closed));
    assertEquals(ahead.size, total <= AHEAD ? total : undefined, `${total}`);
    const parts = await Array.fromAsync(ahead.bytes);
    const whole = joinBytes(parts);
    assertEquals(whole.length, total);
    for (let at = size; at < total; at += size) assertEquals(whole[at], at / size % 251);
    assertEquals(closed.times, 1);
  }
});

Deno.test("the work on a stream that is not compressed begins with its first bytes", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const ahead = readAhead(readable);
  // The writer does not end the stream.
  for (const byte of [1, 2, 3, 4]) await writer.write(new Uint8Array([byte]));
  const { size, bytes } = await ahead;
  assertEquals(size, undefined);
  const read = bytes[Symbol.asyncIterator]();
  assertEquals((await read.next()).value, new Uint8Array([1, 2, 3, 4]));
  const ended = writer.write(new Uint8Array([5])).then(() => writer.close());
  assertEquals((await read.next()).value, new Uint8Array([5]));
  assertEquals((await read.next()).done, true);
  await ended;
});

Deno.test("a consumer that stops early ends the stream", async () => {
  for (const after of [1, 2000]) {
    const closed = { times: 0 };
    const { bytes } = await readAhead(chunks(AHEAD * 50, AHEAD / 10, closed));
    let seen = 0;
    for await (const _ of bytes) if (++seen === after) break;
    assertEquals(closed.times, 1);
  }
});

const LIMITS = { entryRatio: 100, entryRatioFrom: 50 };
/** A layer of 5,000 empty files, which compresses to some 4 KiB. */
const TAR = joinBytes([
  ...Array.from({ length: 5000 }, (_, i) => header({ name: `d/${i}` })),
  new Uint8Array(1024),
]);

for (const verb of ["load", "import"]) {
  Deno.test(`K02: ${verb} of a small compressed stream stops at the entry that is too many`, async () => {
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    const image = buildImage({ name: "example.org/app:1", layers: [TAR], packing: "none" });
    const bytes = new Uint8Array(
      gzipSync(verb === "load" ? archiveTar(ociFiles([image])) : TAR, { level: 9 }),
    );
    const act = (limits: typeof LIMITS) =>
      verb === "load"
        ? loadImages(store, streamOf(bytes), { pool, limits })
        : importImage(store, streamOf(bytes), { pool, limits, name: "example.org/root:1" });
    const error = await assertRejects(() => act(LIMITS), VarveError);
    assertEquals([error.code, error.details.setting], ["E_LIMIT", "limits.layer.entryRatio"]);
    // At the end of the input there would be no entry to name.
    assert(/entry d\/[0-9]+: the limit of 100/.test(error.message), error.message);
    await act({ ...LIMITS, entryRatio: 1_000_000 });
  });
}
