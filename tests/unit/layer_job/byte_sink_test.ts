import { assertEquals, assertThrows } from "@std/assert";
import { joinBytes } from "../../../lib/bytes/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { FileSink, MemorySink } from "../../../lib/layer_job/byte_sink.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { prng } from "../../support/prng.ts";
// Opens libc before the first test.
import "../../support/machine/needs.ts";

Deno.test("sinks keep every byte in order, for any size of writes", async () => {
  await using temp = await tempDir();
  const random = prng(3);
  for (const most of [10, 5000, 200_000, 600_000]) {
    const all = random.bytes(most * 4 + 1_000);
    const path = temp.join(String(most));
    using file = new FileSink(path, "test");
    using memory = new MemorySink();
    for (const piece of random.split(all, most)) {
      // A sink keeps no reference: changes after the call do not matter.
      const lent = piece.slice();
      file.write(lent);
      memory.write(lent);
      lent.fill(0);
    }
    file.end();
    memory.end();
    assertEquals(await Deno.readFile(path), all);
    assertEquals(joinBytes(memory.pieces()), all);
  }
});

Deno.test("FileSink writes no more than 128 KiB in one call, because larger ones cost much CPU", async () => {
  await using temp = await tempDir();
  const lengths: number[] = [];
  const { writeSync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    lengths.push(bytes.length);
    return writeSync.call(this, bytes);
  };
  try {
    const file = new FileSink(temp.join("a"), "layer");
    // One large write, then small ones that the sink gathers.
    file.write(prng(1).bytes(600_000));
    for (let i = 0; i < 300; i++) file.write(prng(i).bytes(1000));
    file.end();
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  assertEquals((await Deno.stat(temp.join("a"))).size, 900_000);
  assertEquals(Math.max(...lengths), 128 * 1024);
});

Deno.test("FileSink makes a new file of mode 0600, and refuses one that exists", async () => {
  await using temp = await tempDir();
  const path = temp.join("a");
  new FileSink(path, "layer tree").end();
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o7777, 0o600);
  const again = assertThrows(() => new FileSink(path, "layer tree"), VarveError);
  assertEquals([again.code, again.details.errno, again.details.syscall], [
    "E_SYSCALL",
    "EEXIST",
    "open",
  ]);
  assertEquals(again.message, "Cannot write layer tree: file exists");
});

leakTest("a file that is synced soon is written back early, with the same bytes", async () => {
  await using temp = await tempDir();
  const bytes = prng(5).bytes(3_000_000);
  const path = temp.join("a");
  {
    using file = new FileSink(path, "layer", true);
    for (let i = 0; i < 8; i++) file.write(bytes);
    file.end();
  }
  const written = await Deno.readFile(path);
  assertEquals(written.length, 8 * bytes.length);
  for (let i = 0; i < 8; i++) {
    assertEquals(written.subarray(i * bytes.length, (i + 1) * bytes.length), bytes);
  }
});
