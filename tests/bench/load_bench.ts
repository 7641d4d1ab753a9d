/**
 * The main job on a real Debian image, beside `umoci unpack` of the same layers in the same run:
 * `--durability none`, because the peer syncs nothing either.
 *
 * Root, debootstrap, umoci and skopeo are needed once, to build the image.
 */
import { assertEquals } from "@std/assert";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { debianImage } from "../support/peers/debian.ts";
import { figure, type Timing, timingOf } from "./harness.ts";
import { compileProgram } from "../support/compile/program.ts";

const RUNS = 3;

const image = await debianImage();
await using temp = await tempDir("varve-bench-");
const program = await compileProgram(temp.path);

/** One timed run in a directory of its own; what it made is removed and written back before the next. */
async function timed(times: number[], fn: (directory: string) => Promise<unknown>): Promise<void> {
  const directory = temp.join(crypto.randomUUID());
  await Deno.mkdir(directory);
  await run(["sync", "-f", directory], { timeout: 600_000 });
  const start = performance.now();
  await fn(directory);
  times.push(performance.now() - start);
  await Deno.remove(directory, { recursive: true });
}

const [umoci, load, unpack]: [number[], number[], number[]] = [[], [], []];
for (let i = 0; i < RUNS; i++) {
  await timed(
    umoci,
    (directory) =>
      run(["umoci", "unpack", "--image", `${image.layout}:varve`, `${directory}/bundle`], {
        timeout: 600_000,
      }),
  );
  await timed(load, (directory) => program(`${directory}/store`).text(["load", image.layout]));
  await timed(unpack, async (directory) => {
    const varve = program(`${directory}/store`);
    const { images } = await varve.json(["load", image.layout]);
    assertEquals(images.length, 1);
    await varve.text(["unpack", images[0].name, `${directory}/root`]);
  });
}
const [umociTime, loadTime, unpackTime] = [umoci, load, unpack].map(timingOf) as [
  Timing,
  Timing,
  Timing,
];
figure("umoci unpack", umociTime.least, "ms");
figure("load", loadTime.least, "ms");
figure("load and unpack", unpackTime.least, "ms");
figure("load, as fast as umoci unpack", umociTime.least / loadTime.least, "×", { atLeast: 2 });
figure("load and unpack, as fast as umoci", umociTime.least / unpackTime.least, "×", {
  atLeast: 1,
});
