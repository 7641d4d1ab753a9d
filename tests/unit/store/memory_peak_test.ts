/** How much memory a memory store takes, beside what it keeps. */
import { assert } from "@std/assert";
import { archiveTar, buildImage, ociFiles, type Packing } from "../../support/images/images.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { prng } from "../../support/prng.ts";

const MIB = 1024 * 1024;
const PROGRAM = new URL("../../support/images/memory_load.ts", import.meta.url).pathname;
/** What Deno, its workers and the bytes on their way take. */
const FIXED = 150 * MIB;

/** A layer of which half can be compressed. */
function layer(seed: number, mebibytes: number) {
  const content = prng(seed).bytes(mebibytes * MIB);
  for (let at = 0; at < content.length; at += MIB) content.fill(seed, at, at + MIB / 2);
  return [{ name: `file-${seed}`, content }];
}

for (const [packing, workers] of [["gzip", 2], ["zstd", 2], ["none", 2], ["gzip", 0]] as const) {
  Deno.test(`an image of 200 MB (${packing}) with ${workers} workers takes 1.2 times what is kept of it, and 150 MiB`, async () => {
    await using temp = await tempDir();
    const layers = [layer(1, 120), layer(2, 50), layer(3, 20)];
    const image = buildImage({ name: "example.org/app:1", layers, packing: packing as Packing });
    await Deno.writeFile(temp.join("a.tar"), archiveTar(ociFiles([image])));
    const child = [
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      PROGRAM,
      temp.join("a.tar"),
      String(workers),
    ];
    const { stdout } = await run(child);
    const { tar, blobs, peak } = JSON.parse(stdout);
    // The tar of an uncompressed layer is its blob, too.
    const kept = packing === "none" ? tar : tar + blobs;
    assert(tar > 190 * MIB, `${tar}`);
    assert(peak <= 1.2 * kept + FIXED, `${peak / MIB} MiB for ${kept / MIB} MiB that are kept`);
  });
}
