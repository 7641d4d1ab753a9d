/**
 * From compressed layers to a mounted tree, beside what makes a tree of them elsewhere: `umoci unpack`,
 * `gzip | tar`, `igzip` and `mkfs.erofs`, and the `load` of podman, docker and containerd. No peer syncs,
 * so `--durability none`; with `full` beside it. The best of three each (`VARVE_BENCH_RUNS`).
 *
 * Then the mount alone, in one process: of a composed chain, whatever the number of its files.
 */
// deno-lint-ignore-file no-console
import { isalInflaters } from "../../lib/linux/internal.ts";
import { mountImage } from "../../lib/mount/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver } from "../../lib/snapshot/mod.ts";
import { openStore, readImage } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { bringImage } from "../support/snapshots/snapshot_fixture.ts";
import { figure, measure, timingOf } from "./harness.ts";
import { bareWork, type Contender, peersOf } from "./mount_peers.ts";
import { compileProgram } from "../support/compile/program.ts";
import { type BenchImage, realImage, tenLayers } from "./real_images.ts";
import { report, type ResultRow } from "./results.ts";
import { timed } from "./turns.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? "3");
const LONG = { timeout: 900_000 };

/** How many times varve's own time a peer takes, at least. */
type Bounds = Readonly<Record<"libisal" | "zlib", Readonly<Record<string, number>>>>;
const BOUNDS: Bounds = {
  libisal: { "umoci unpack": 5, "podman load": 6, "docker load": 10, "ctr image import": 10 },
  zlib: { "umoci unpack": 3.5, "podman load": 4.5, "docker load": 8, "ctr image import": 8 },
};

await using temp = await tempDir("varve-bench-", "/var/tmp");
const program = await compileProgram(temp.path);

/** The least time of some runs, each in a directory of its own. */
async function best(runs: number, act: Contender): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await timed(act, temp.join(crypto.randomUUID())));
  return timingOf(times).least;
}

/** varve's own way, with a way to inflate and a durability. */
function loadAndMount(image: BenchImage, env: Record<string, string>): Contender {
  return {
    run: async (directory) => {
      await Deno.mkdir(`${directory}/mnt`);
      const varve = program(`${directory}/store`, { env });
      await varve.text(["load", image.layout, "--mount", `${directory}/mnt`]);
    },
  };
}

async function contest(image: BenchImage, least: Bounds): Promise<ResultRow[]> {
  const times = new Map<string, number>();
  const enter = async (what: string, contender: Contender) => {
    const time = await best(RUNS, contender);
    times.set(what, time);
    console.error(`${image.title}: ${what}: ${Math.round(time)} ms`);
  };
  const isal = typeof isalInflaters() === "function";
  if (isal) await enter("varve, libisal", loadAndMount(image, { VARVE_INFLATE: "isal" }));
  await enter("varve, zlib", loadAndMount(image, { VARVE_INFLATE: "zlib" }));
  if (isal) await enter("bare work, libisal", bareWork(image, "isal"));
  await enter("bare work, zlib", bareWork(image, "zlib"));
  const full = { VARVE_DURABILITY: "full", VARVE_INFLATE: isal ? "isal" : "zlib" };
  await enter(`varve, ${isal ? "libisal" : "zlib"}, durability full`, loadAndMount(image, full));
  for (const [what, contender] of await peersOf(image, temp.path)) await enter(what, contender);
  for (const own of isal ? ["libisal", "zlib"] as const : ["zlib"] as const) {
    for (const [peer, atLeast] of Object.entries(least[own])) {
      const ratio = (times.get(peer) ?? NaN) / (times.get(`varve, ${own}`) ?? NaN);
      if (!times.has(peer)) continue;
      figure(`${image.title}, ${own}: ${peer} / varve`, ratio, "×", { atLeast });
      const bare = (times.get(peer) ?? NaN) / (times.get(`bare work, ${own}`) ?? NaN);
      figure(`${image.title}, ${own}: ${peer} / bare work`, bare, "×");
    }
  }
  return [...times].map(([what, time]) => ({
    [image.title]: what,
    "ms": time,
    ...(isal ? { "× libisal": time / (times.get("varve, libisal") ?? NaN) } : {}),
    "× zlib": time / (times.get("varve, zlib") ?? NaN),
  }));
}

/** Mounting what is composed already, read-only and read-write, in this process. */
async function mountAlone(layout: string): Promise<ResultRow[]> {
  const root = temp.join("alone");
  await new Cli(root).text(["load", layout]);
  await using store = await openStore({ root, durability: "none" });
  await using pool = createPool({ inline: true });
  const driver = selectDriver(store, { pool });
  const snapshotter = createSnapshotter(store, { driver });
  const small = await bringImage(store, pool, "example.org/small:1", [[{ name: "a" }]]);
  const record = store.images.list().find(({ name }) => name !== small.record.name);
  if (record === undefined) throw new Error("Cannot find the image: none was loaded");
  const target = temp.join("at");
  await Deno.mkdir(target);
  const rows: ResultRow[] = [];
  for (const image of [await readImage(store, record), small]) {
    let files = 0;
    for (const { diffId } of image.layers) files += store.layers.get(diffId)?.entries ?? 0;
    for (const key of [undefined, `rw ${files}`]) {
      const mount = () => mountImage(store, image, target, { snapshotter, key });
      let mounted: AsyncDisposable | undefined;
      const { median, least } = await measure(async () => mounted = await mount(), {
        runs: 15,
        after: async () => await mounted?.[Symbol.asyncDispose](),
      });
      const what = `mount ${key === undefined ? "read-only" : "read-write"} (${driver.name})`;
      rows.push({ what, entries: files, "median (ms)": median, "least (ms)": least });
    }
  }
  return rows;
}

const two = await realImage();
const alone = await mountAlone(two.layout);
await report("mount_alone", "Mount of a composed chain, in one process", alone);
await report(
  "mount_two",
  "Compressed layers to a mounted tree, two layers",
  await contest(two, BOUNDS),
);
const unpacked = temp.join("unpacked");
await run(["umoci", "unpack", "--image", `${two.layout}:${two.tag}`, unpacked], LONG);
const ten = await tenLayers(`${unpacked}/rootfs`, temp.path);
await report(
  "mount_ten",
  "Compressed layers to a mounted tree, ten layers",
  await contest(ten, BOUNDS),
);

for (const row of alone) {
  figure(`${row.what}, ${row.entries} entries`, Number(row["least (ms)"]), "ms", { atMost: 5 });
}
