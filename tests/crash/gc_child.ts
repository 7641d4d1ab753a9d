/**
 * A process that uses a store while others collect its garbage: `deno run gc_child.ts '<GcTask>'`. It prints one line of
 * JSON at its end: what went wrong, and how often something was removed before it could be read.
 */
import { loadImages } from "../../lib/archive/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { createPool, type Pool } from "../../lib/pool/mod.ts";
import { createSnapshotter } from "../../lib/snapshot/mod.ts";
import { type DiskStore, openStore, readImage } from "../../lib/store/mod.ts";
import { walk } from "../../lib/tree/mod.ts";
import { collectGarbage } from "../../lib/upkeep/mod.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { prng } from "../support/prng.ts";

/** What a process does. */
export interface GcTask {
  readonly root: string;
  /** Number of this process: it has image names of its own. */
  readonly number: number;
  /** Number of rounds. */
  readonly rounds: number;
  /** Collect garbage, until the file exists. Otherwise work. */
  readonly until?: string;
}

/** What a process says at its end. */
export interface GcVerdict {
  /** Errors that must not be. */
  readonly wrong: readonly string[];
  /** Reads of other processes' images that said "removed meanwhile" or "not found". */
  readonly gone: number;
  /** Collections, or rounds of work. */
  readonly rounds: number;
}

const LAYERS = ["a", "b", "c"];

function imageOf(number: number, seed: number) {
  const random = prng(seed);
  const layers = random.shuffle(LAYERS).slice(0, 1 + random.int(0, 3));
  return buildImage({
    name: nameOf(number),
    packing: random.pick(["gzip", "none"] as const),
    layers: layers.map((text) => [{ name: `${text}.txt`, content: text.repeat(5000) }]),
  });
}

function nameOf(number: number): string {
  return `example.org/own-${number}:1`;
}

/** Reads all bytes of an image. */
async function readWhole(store: DiskStore, name: string): Promise<void> {
  const image = await readImage(store, name);
  for (const { descriptor, diffId } of image.layers) {
    for await (const _ of await store.blobs.open(descriptor.digest));
    for await (const _ of await store.layers.open(diffId));
    for (const _ of walk(await store.layers.tree(diffId)));
  }
}

/** One life of an image: everything has to work, because its name is there all the time. */
async function useOwn(
  store: DiskStore,
  pool: Pool,
  { number }: GcTask,
  seed: number,
): Promise<void> {
  const image = imageOf(number, seed);
  await loadImages(store, new Blob([archiveTar(ociFiles([image]))]).stream(), { pool });
  await readWhole(store, nameOf(number));
  const snapshotter = createSnapshotter(store, { driver: "native", pool });
  const { chainId } = await readImage(store, nameOf(number));
  const key = `key-${number}-${seed}`;
  await snapshotter.prepare(key, snapshotter.ensureChain(chainId!));
  // The snapshot keeps what it needs when the name is gone.
  store.images.remove(nameOf(number));
  await snapshotter.mounts(key);
  for (const { diffId } of image.layers) {
    for await (const _ of await store.layers.open(diffId as never));
  }
  await snapshotter.remove(key);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack}${error.cause === undefined ? "" : `\nCause: ${textOf(error.cause)}`}`;
}

const GONE: readonly string[] = ["E_BUSY", "E_NOT_FOUND", "E_PLATFORM"];

async function readOther(store: DiskStore, number: number): Promise<boolean> {
  try {
    await readWhole(store, nameOf(1 - number));
    return true;
  } catch (error) {
    if (error instanceof VarveError && GONE.includes(error.code)) return false;
    throw error;
  }
}

async function work(store: DiskStore, task: GcTask): Promise<GcVerdict> {
  await using pool = createPool({ inline: true });
  const wrong: string[] = [];
  let gone = 0;
  for (let round = 0; round < task.rounds; round++) {
    try {
      await useOwn(store, pool, task, 1000 * task.number + round);
      if (!await readOther(store, task.number)) gone++;
    } catch (error) {
      wrong.push(`round ${round}: ${textOf(error)}`);
    }
  }
  return { wrong, gone, rounds: task.rounds };
}

async function collect(store: DiskStore, until: string): Promise<GcVerdict> {
  const wrong: string[] = [];
  let rounds = 0;
  while (!await Deno.lstat(until).then(() => true, () => false)) {
    try {
      // The others remove caches meanwhile.
      await collectGarbage(store, { wait: 60_000 });
      rounds++;
    } catch (error) {
      wrong.push(`collection ${rounds}: ${textOf(error)}`);
    }
  }
  return { wrong, gone: 0, rounds };
}

if (import.meta.main) {
  const task = JSON.parse(Deno.args[0] as string) as GcTask;
  await using store = await openStore({ root: task.root, durability: "none" });
  const verdict = await (task.until === undefined ? work(store, task) : collect(store, task.until));
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(verdict)));
}
