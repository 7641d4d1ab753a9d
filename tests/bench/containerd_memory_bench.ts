/**
 * Memory of a daemon behind the real containerd, and what else it holds, from the 20th to the 120th import, run and removal of
 * an image (`VARVE_BENCH_IMAGES`, `VARVE_BENCH_FIRST`). tests/interop/containerd/growth_test.ts is the short form.
 */
// deno-lint-ignore-file no-console
import { tempDir } from "../support/machine/temp_dir.ts";
import { boxOfTwo, importImage, NAME, RUN } from "../support/peers/ctr_images.ts";
import { servedCensus } from "../support/peers/served_census.ts";
import { serveContainerdIn } from "../support/peers/served_containerd.ts";
import { collect } from "../support/peers/served_remains.ts";
import { figure } from "./harness.ts";
import { memoryOf } from "./process_usage.ts";

const IMAGES = Number(Deno.env.get("VARVE_BENCH_IMAGES") ?? 120);
const FIRST = Number(Deno.env.get("VARVE_BENCH_FIRST") ?? 20);
/** Milliseconds in which workers that nobody uses end, and files in the trash are removed. */
const REST = 15_000;
const EVERY = 10;

await using temp = await tempDir("varve-bench-", "/var/tmp");
await using served = await serveContainerdIn(temp.path);
const image = await boxOfTwo();

/** What it holds at rest. */
async function atRest() {
  await new Promise((resolve) => setTimeout(resolve, REST));
  return { ...await servedCensus(served), memory: (await memoryOf(served.pid)).now };
}

let before: Awaited<ReturnType<typeof atRest>> | undefined;
for (let i = 1; i <= IMAGES; i++) {
  await importImage(served, temp, image);
  await served.text([...RUN, "--rm", NAME, "one", "true"]);
  await served.text(["image", "rm", "--sync", NAME]);
  await collect(served);
  if (i === FIRST) before = await atRest();
  if (i % EVERY === 0) {
    console.error(`${i} images: ${Math.round((await memoryOf(served.pid)).now)} MiB`);
  }
}
const after = await atRest();
if (before === undefined) throw new RangeError("Cannot compare: there are too few images");
figure(`memory after ${FIRST} images`, before.memory, "MiB");
figure(`memory after ${IMAGES} images`, after.memory, "MiB");
figure("  grown by", after.memory / before.memory, "times", { atMost: 1.1 });
for (const what of ["descriptors", "threads", "mounts", "files", "leases"] as const) {
  figure(`more ${what}`, after[what] - before[what], "", { atMost: 0 });
}
