/**
 * What full durability costs: a load with syncs less a load without, beside `dd conv=fdatasync` of the same bytes, in
 * turn; and the same for a load that brings nothing new. On an ext4 of its own, so that nobody else's bytes are synced.
 *
 * Root, mkfs.ext4 and loop devices are needed.
 */
import { loadImages } from "../../lib/archive/mod.ts";
import { createPool, type Pool } from "../../lib/pool/mod.ts";
import { type Durability, openStore } from "../../lib/store/mod.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { figure, timingOf } from "./harness.ts";

const MIB = 2 ** 20;
const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? 9);
/** Layers, files of each, and bytes of a file. */
const LAYERS = 4, FILES = 60, FILE = MIB / 2;
const NAME = "example.org/app:1";

/** Bytes that compress to about half, as those of programs do. */
function content(seed: number): Uint8Array<ArrayBuffer> {
  const bytes = prng(seed).bytes(FILE);
  for (let i = 0; i < FILE; i += 2) bytes[i] = 0;
  return bytes;
}

const image = buildImage({
  name: NAME,
  layers: Array.from(
    { length: LAYERS },
    (_, layer) =>
      Array.from({ length: FILES }, (_, file) => ({
        name: `${layer}-${file}`,
        content: content(layer * FILES + file),
      })),
  ),
  packing: "gzip",
});

await using temp = await tempDir("varve-bench-");
const archive = temp.join("app.tar");
await Deno.writeFile(archive, archiveTar(ociFiles([image])));
const disk = temp.join("disk");
await Deno.mkdir(disk);
await run(["truncate", "-s", "2G", temp.join("image")]);
await run(["mkfs.ext4", "-q", temp.join("image")]);
await run(["mount", "-o", "loop", temp.join("image"), disk]);
await using _ = {
  async [Symbol.asyncDispose]() {
    await run(["umount", disk]);
  },
};
await using pool: Pool = createPool();

/** Times of loads, in ms: one into an empty store, one of the same again. */
async function load(durability: Durability): Promise<readonly [fresh: number, again: number]> {
  const root = `${disk}/store`;
  await run(["sync", "-f", disk]);
  const times: number[] = [];
  {
    await using store = await openStore({ root, durability });
    for (let i = 0; i < 2; i++) {
      const start = performance.now();
      await loadImages(store, archive, { pool });
      times.push(performance.now() - start);
    }
  }
  await Deno.remove(root, { recursive: true });
  return times as [number, number];
}

/** Bytes that a load writes. */
async function bytesOf(): Promise<number> {
  const root = `${disk}/store`;
  await using store = await openStore({ root });
  await loadImages(store, archive, { pool });
  const { stdout } = await run(["du", "-sB1", `${root}/layers`, `${root}/content`]);
  await Deno.remove(root, { recursive: true });
  return [...stdout.matchAll(/^[0-9]+/gm)].reduce((sum, [bytes]) => sum + Number(bytes), 0);
}

/** Time of dd in ms, as it reports it itself. */
async function dd(from: string): Promise<number> {
  const to = `${disk}/copy`;
  await run(["sync", "-f", disk]);
  const { stderr } = await run(["dd", `if=${from}`, `of=${to}`, "bs=1M", "conv=fdatasync"], {
    env: { LC_ALL: "C" },
  });
  await Deno.remove(to);
  const seconds = /, ([0-9.e-]+) s,/.exec(stderr)?.[1];
  if (seconds === undefined) throw new Error(`Cannot read the time of dd: ${stderr}`);
  return Number(seconds) * 1000;
}

const bytes = await bytesOf();
const plain = temp.join("plain");
{
  using file = await Deno.open(plain, { write: true, create: true });
  for (let at = 0; at < bytes; at += MIB) {
    await file.write(prng(at).bytes(Math.min(MIB, bytes - at)));
  }
}
const [fresh, again, copies] = [[], [], []] as [number[], number[], number[]];
for (let i = -1; i < RUNS; i++) {
  const full = await load("full");
  const copy = await dd(plain);
  const none = await load("none");
  if (i < 0) continue;
  fresh.push(full[0] - none[0]);
  again.push(full[1] - none[1]);
  copies.push(copy);
}
const [more, nothing, least] = [fresh, again, copies].map((times) => timingOf(times).median) as [
  number,
  number,
  number,
];
figure("bytes written by a load", bytes / MIB, "MiB");
figure("dd conv=fdatasync of as many bytes", least, "ms");
figure("a load, full durability less none", more, "ms");
figure("the same, beside dd", more / least, "×", { atMost: 1.1 });
figure("a load of nothing new, full less none", nothing, "ms", { atMost: 20 });
