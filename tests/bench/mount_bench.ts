/**
 * From compressed layers to a mounted tree, beside what makes a tree of them elsewhere: `umoci unpack`,
 * `gzip | tar`, `igzip` and `mkfs.erofs`, and the `load` of podman, docker and containerd. No peer syncs,
 * so `--durability none`. The best of three; the slow engines once.
 *
 * Then the mount alone, in one process: of a composed chain, whatever the number of its files.
 */
// deno-lint-ignore-file no-console
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, mountImage, selectDriver } from "../../lib/snapshot/mod.ts";
import { openStore, readImage } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli.ts";
import { startDocker } from "../support/docker.ts";
import { run, runAny } from "../support/process.ts";
import { bringImage } from "../support/snapshots.ts";
import { tempDir } from "../support/temp.ts";
import { figure, measure, timingOf } from "./harness.ts";
import { type BenchImage, isHere, realImage, tenLayers } from "./real_images.ts";
import { report, type ResultRow } from "./results.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? "3");
const LONG = { timeout: 900_000 };
await using temp = await tempDir("varve-bench-", "/var/tmp");

async function best(runs: number, act: (directory: string) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const directory = temp.join(crypto.randomUUID());
    await Deno.mkdir(directory);
    await run(["sync", "-f", directory], LONG);
    const start = performance.now();
    await act(directory);
    times.push(performance.now() - start);
    const mounted = `${directory}/mnt`;
    await runAny(["sh", "-c", `umount ${mounted}; umount ${directory}/store/mounts/*`]);
    await Deno.remove(directory, { recursive: true });
  }
  return timingOf(times).least;
}

/** Each layer by a shell of its own, all at once. */
function eachLayer(image: BenchImage, script: string): (directory: string) => Promise<unknown> {
  return (directory) =>
    Promise.all(
      image.blobs.map((blob, i) =>
        run(
          ["bash", "-euc", `set -o pipefail; ${script}`, "layer", blob, `${directory}/${i}`],
          LONG,
        )
      ),
    );
}

async function contest(image: BenchImage): Promise<ResultRow[]> {
  const rows: { what: string; time: number }[] = [];
  const enter = async (
    what: string,
    runs: number,
    act: (directory: string) => Promise<unknown>,
  ) => {
    rows.push({ what, time: await best(runs, act) });
    console.error(`${image.title}: ${what}: ${Math.round(rows.at(-1)?.time ?? 0)} ms`);
  };
  await enter("varve load and mount", RUNS, async (directory) => {
    const varve = new Cli(`${directory}/store`);
    const { images } = await varve.json(["load", image.layout]);
    await Deno.mkdir(`${directory}/mnt`);
    await varve.text(["mount", images[0].name, `${directory}/mnt`]);
  });
  await enter(
    "varve load",
    RUNS,
    (directory) => new Cli(`${directory}/store`).text(["load", image.layout]),
  );
  if (await isHere("umoci")) {
    await enter(
      "umoci unpack",
      RUNS,
      (directory) =>
        run(["umoci", "unpack", "--image", `${image.layout}:${image.tag}`, `${directory}/b`], LONG),
    );
  }
  await enter(
    "gzip -dc, tar x",
    RUNS,
    eachLayer(
      image,
      'mkdir "$2"; gzip -dc "$1" | tar -xf - -C "$2" --xattrs --numeric-owner',
    ),
  );
  if (await isHere("mkfs.erofs")) {
    const gunzip = await isHere("igzip") ? "igzip" : "gzip";
    await enter(
      `${gunzip} -dc, mkfs.erofs --tar=i (nothing verified)`,
      RUNS,
      eachLayer(
        image,
        `${gunzip} -dc "$1" > "$2.tar"; mkfs.erofs --quiet --tar=i "$2.erofs" "$2.tar"`,
      ),
    );
  }
  if (image.title === "two layers") await engines(image, enter);
  const [own] = rows;
  return rows.map(({ what, time }) => ({
    [image.title]: what,
    "ms": time,
    "× varve load and mount": time / (own?.time ?? NaN),
  }));
}

type Enter = (
  what: string,
  runs: number,
  act: (directory: string) => Promise<unknown>,
) => Promise<void>;

/** They take their time: once each. */
async function engines({ layout, tag }: BenchImage, enter: Enter): Promise<void> {
  const source = `oci:${layout}:${tag}`;
  if (!await isHere("skopeo")) return;
  const docker = temp.join("docker.tar"), oci = temp.join("oci.tar");
  const named = "example.org/bench:1";
  if (await isHere("podman")) {
    await run(["skopeo", "copy", "--quiet", source, `oci-archive:${oci}:${named}`], LONG);
    await enter("podman load", 1, async (directory) => {
      const storage = ["--root", `${directory}/root`, "--runroot", `${directory}/run`];
      const podman = ["podman", ...storage, "--storage-driver", "overlay"];
      await run([...podman, "load", "--quiet", "-i", oci], LONG);
      await runAny(["sh", "-c", `umount -l ${directory}/root/overlay`]);
    });
  }
  if (await isHere("dockerd")) {
    await run(["skopeo", "copy", "--quiet", source, `docker-archive:${docker}:${named}`], LONG);
    await using daemon = await startDocker();
    await enter("docker load", 1, () => run([...daemon.command, "load", "-q", "-i", docker], LONG));
  }
  if (await isHere("containerd")) {
    const address = temp.join("containerd.sock"), config = temp.join("containerd.toml");
    await Deno.writeTextFile(
      config,
      `version = 2
root = ${JSON.stringify(temp.join("containerd-root"))}
state = ${JSON.stringify(temp.join("containerd-state"))}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = ${JSON.stringify(address)}
`,
    );
    const daemon = new Deno.Command("containerd", {
      args: ["-c", config],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const ctr = ["ctr", "-a", address];
    try {
      let up = false;
      for (let i = 0; i < 100 && !up; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        up = (await runAny([...ctr, "version"])).code === 0;
      }
      if (up) {
        await enter("ctr image import", 1, () => run([...ctr, "image", "import", oci], LONG));
      }
    } finally {
      daemon.kill("SIGTERM");
      await daemon.status;
    }
  }
}

/** Mounting what is composed already, read-only and read-write, in this process. */
async function mountAlone(layout: string): Promise<ResultRow[]> {
  const root = temp.join("alone");
  await new Cli(root).text(["load", layout]);
  await using store = await openStore({ root, durability: "none" });
  await using pool = createPool({ inline: true });
  const driver = selectDriver({ store, pool });
  const snapshotter = createSnapshotter({ store, driver });
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
      const options = { store, snapshotter, image, target, ...(key === undefined ? {} : { key }) };
      let mounted: AsyncDisposable | undefined;
      const { median, least } = await measure(async () => mounted = await mountImage(options), {
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
const first = await contest(two);
await report("mount_two", "Compressed layers to a mounted tree, two layers", first);
const unpacked = temp.join("unpacked");
await run(["umoci", "unpack", "--image", `${two.layout}:${two.tag}`, unpacked], LONG);
const ten = await contest(await tenLayers(`${unpacked}/rootfs`, temp.path));
await report("mount_ten", "Compressed layers to a mounted tree, ten layers", ten);

for (const row of alone) {
  figure(`${row.what}, ${row.entries} entries`, Number(row["least (ms)"]), "ms", { atMost: 5 });
}
