/**
 * Reading an image through varve's mount, beside the same image as directories under overlay: `find`, the
 * attributes of all, the bytes of all, with a cold page cache (dropped before each) and a warm one.
 *
 * It drops the machine's page cache: root only, and whoever else works here feels it.
 */
import { type MountedImage, mountImage } from "../../lib/mount/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, type DriverName, selectDriver } from "../../lib/snapshot/mod.ts";
import { type ImageRecord, openStore, readImage } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { figure } from "./harness.ts";
import { realImage } from "./real_images.ts";
import { report } from "./results.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? "3");
const LONG = { timeout: 900_000 };
const ACTS: Readonly<Record<string, string>> = {
  "find": 'find "$1" > "$2"',
  "stat of all": `find "$1" -printf '%m %U %G %s %T@ %l %p\\n' > "$2"`,
  "read of all": 'find "$1" -type f -print0 | xargs -0 cat > /dev/null',
};
/** One mount a store: the snapshots of a chain share its lower. */
const MOUNTS: Readonly<Record<string, { readonly driver: DriverName; readonly direct?: true }>> = {
  erofs: { driver: "erofs" },
  directio: { driver: "erofs", direct: true },
  overlay: { driver: "overlay" },
};
const NAMES = Object.keys(MOUNTS);

await using temp = await tempDir("varve-bench-", "/var/tmp");
await using stack = new AsyncDisposableStack();
const pool = stack.use(createPool());
const { layout } = await realImage();

async function mounted(name: string): Promise<MountedImage> {
  const { driver, direct } = MOUNTS[name] ?? { driver: "native" };
  const root = temp.join(`store-${name}`), target = temp.join(name);
  await Deno.mkdir(target);
  await new Cli(root).text(["load", layout]);
  const store = stack.use(await openStore({ root, durability: "none" }));
  if (direct) store.settings.set("erofs.directio", "on");
  const image = await readImage(store, store.images.list()[0] as ImageRecord);
  const snapshotter = createSnapshotter(store, {
    driver: selectDriver(store, { pool, wanted: driver }),
  });
  return await mountImage(store, image, target, { snapshotter });
}

async function timed(name: string, act: string, cold: boolean): Promise<number> {
  if (cold) await run(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches"], LONG);
  const start = performance.now();
  await run(["sh", "-c", ACTS[act] ?? "", "read", temp.join(name), temp.join("out")], LONG);
  return performance.now() - start;
}

for (const name of NAMES) stack.use(await mounted(name));
const rows = [];
for (const cold of [true, false]) {
  for (const act of Object.keys(ACTS)) {
    const least: Record<string, number> = {};
    for (const name of NAMES) if (!cold) await timed(name, act, false);
    for (let i = 0; i < RUNS; i++) {
      for (const name of NAMES) {
        least[name] = Math.min(least[name] ?? Infinity, await timed(name, act, cold));
      }
    }
    const { erofs = NaN, directio = NaN, overlay = NaN } = least;
    rows.push({
      "": `${act}, ${cold ? "cold" : "warm"}`,
      "erofs (ms)": erofs,
      "with erofs.directio (ms)": directio,
      "directories under overlay (ms)": overlay,
      "as fast": overlay / erofs,
    });
  }
}
await report("read", "Reading through the mount", rows);
for (const row of rows) {
  const bound = row[""].endsWith("cold") ? { atLeast: 1 } : {};
  figure(`${row[""]}: as fast as directories under overlay`, row["as fast"], "×", bound);
}
