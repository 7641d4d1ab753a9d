import { assert, assertEquals } from "@std/assert";
import { FileSink } from "../../../lib/layer_job/byte_sink.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const KIB = 1024;
/** Lengths of alternating runs of ones and zeros: holes at the start, inside and at the end, and lengths that are no multiple of a word. */
const RUNS: readonly (readonly number[])[] = [
  [],
  [3 * 1024 * KIB],
  [0, 700],
  [700, 1024 * KIB, 5],
  [1, 1024 * KIB + 3, 64 * KIB, 2048 * KIB + 1],
  [513, 300 * KIB, 300 * KIB, 300 * KIB, 0, 4],
];

for (const runs of RUNS) {
  for (const piece of [1000, 64 * KIB, 1024 * KIB]) {
    Deno.test(`a file holds what was written, in pieces of ${piece}: runs ${runs}`, async () => {
      await using temp = await tempDir();
      const total = runs.reduce((sum, length) => sum + length, 0);
      const bytes = new Uint8Array(total);
      // Runs at even indices are ones, at odd indices zeros. A single run is zeros.
      let at = 0;
      for (const [i, length] of runs.entries()) {
        if (i % 2 === 0 && runs.length > 1) bytes.fill(1, at, at + length);
        at += length;
      }
      {
        using sink = new FileSink(temp.join("file"), "file");
        for (let at = 0; at < total; at += piece) sink.write(bytes.subarray(at, at + piece));
        sink.end();
      }
      assertEquals(await Deno.readFile(temp.join("file")), bytes);
    });
  }
}

Deno.test("long runs of zeros become holes", async () => {
  await using temp = await tempDir();
  {
    using sink = new FileSink(temp.join("file"), "file");
    sink.write(new Uint8Array([1]));
    for (let i = 0; i < 256; i++) sink.write(new Uint8Array(64 * KIB));
    sink.end();
  }
  const { size, blocks } = await Deno.stat(temp.join("file"));
  assertEquals(size, 1 + 256 * 64 * KIB);
  assert((blocks ?? 0) * 512 <= 512 * KIB, `${blocks} blocks`);
});

Deno.test("a file that ends in zeros has its full size, also after buffered bytes", async () => {
  await using temp = await tempDir();
  {
    using sink = new FileSink(temp.join("file"), "file");
    sink.write(new Uint8Array([1]));
    sink.write(new Uint8Array(512 * KIB));
    sink.end();
  }
  assertEquals((await Deno.stat(temp.join("file"))).size, 1 + 512 * KIB);
});
