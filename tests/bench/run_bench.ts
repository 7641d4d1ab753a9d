/**
 * A hundred containers on one image: does the last start as fast as the first, and is anything
 * left of them? Beside it, the runtime alone on a bundle of the same image.
 */
import { assertEquals } from "@std/assert";
import { runContainer } from "../../lib/container/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver } from "../../lib/snapshot/mod.ts";
import { findImage, openStore, readImage } from "../../lib/store/mod.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { containerFixture, leftovers, RUNTIME_NAMES } from "../support/peers/container_fixture.ts";
import { figure, timingOf } from "./harness.ts";

const COUNT = 100;
/** How many of the first and the last are compared. */
const GROUP = 10;

await using fixture = await containerFixture();
await using store = await openStore({ root: fixture.root, durability: "none" });
await using pool = createPool({ inline: true });
const driver = selectDriver(store, { pool });
const snapshotter = createSnapshotter(store, { driver });
const image = await readImage(store, await findImage(store, BOX));
const searchPath = Deno.env.get("PATH") ?? "";

async function timed(runtime: string, key: string): Promise<number> {
  const start = performance.now();
  const { exit } = await runContainer({
    store,
    snapshotter,
    image,
    key,
    runtime,
    searchPath,
    process: { command: ["true"] },
  });
  assertEquals(exit, 0);
  return performance.now() - start;
}

for (const runtime of RUNTIME_NAMES) {
  // The first run of all extracts the layers.
  await timed(runtime, "warm");
  await snapshotter.remove("warm");
  const times: number[] = [];
  for (let i = 0; i < COUNT; i++) times.push(await timed(runtime, `c${i}`));
  assertEquals((await fixture.varve.json(["ps"])).length, COUNT);
  const [first, last] = [times.slice(0, GROUP), times.slice(-GROUP)].map(timingOf);
  if (first === undefined || last === undefined) throw new Error("two groups are two");
  figure(`${runtime}: start to end of 'true'`, timingOf(times).median, "ms");
  figure(`${runtime}: the last ten beside the first ten`, last.least / first.least, "×", {
    atMost: 1.25,
  });
  const start = performance.now();
  for (let i = 0; i < COUNT; i++) await snapshotter.remove(`c${i}`);
  figure(`${runtime}: removing one`, (performance.now() - start) / COUNT, "ms");
  assertEquals(await leftovers(fixture), []);
  assertEquals(await Array.fromAsync(Deno.readDir(`${fixture.root}/snapshots`)), []);
}
