/**
 * How fast a tree becomes an EROFS image: plan and write, 40,000 and 1,000,000 entries,
 * with the peak of memory, and whether the cost of an entry stays flat.
 *
 *     deno run -A tests/bench/erofs_bench.ts
 *
 * Each size runs in a process of its own, so that a peak is that of its size. The work is done
 * by one thread that never waits: bounds are on the time that it ran, which a busy machine does
 * not stretch as it does the clock's.
 */
import { erofsImageName, writeErofs } from "../../lib/codec/erofs/mod.ts";
import type { DiffId } from "../../lib/digest/mod.ts";
import {
  type DirectoryNode,
  type FileNode,
  fromText,
  timestamp,
  type Tree,
  TreeBuilder,
} from "../../lib/tree/mod.ts";
import { figure, peakMemory } from "./harness.ts";

const SOURCE = `sha256:${"ab".repeat(32)}` as DiffId;
const SIZES = [40_000, 1_000_000];
const LIMITS: Readonly<Record<number, number>> = { 40_000: 100, 1_000_000: 1500 };
const MIB = 1024 * 1024;

/** Like package trees: directories of sixteen, eleven files each, times that differ. */
function treeOf(count: number): Tree {
  const builder = new TreeBuilder({ kind: "root" });
  const digest = new Uint8Array(32).fill(1);
  const attributes = (i: number) => ({
    uid: 0,
    gid: 0,
    mtime: timestamp(1_700_000_000 + (i % 1000)),
    xattrs: [],
  });
  const directory = (i: number): DirectoryNode => ({
    ...attributes(i),
    mode: 0o755,
    type: "directory",
    opaque: false,
    implied: false,
  });
  const file = (i: number): FileNode => ({
    ...attributes(i),
    mode: 0o644,
    type: "file",
    size: 1 + i % 30_000,
    digest,
    locator: null,
    group: null,
  });
  let made = 0;
  for (let a = 0; made < count; a++) {
    const top = builder.put(0, fromText(`package-${a}`), directory(made++));
    for (let b = 0; b < 16 && made < count; b++) {
      const middle = builder.put(top, fromText(`lib${b}`), directory(made++));
      for (let c = 0; c < 11 && made < count; c++) {
        const node = file(made);
        const id = builder.put(middle, fromText(`module_${c}.d.ts`), node);
        const extent = { logical: 0, length: node.size, position: made++ * 2048 };
        builder.content(id, digest, [extent]);
      }
    }
  }
  return builder.finish(SOURCE);
}

/** Plans and writes; the bytes go nowhere. */
function write(tree: Tree): number {
  let bytes = 0;
  writeErofs(tree).write((piece) => bytes += piece.length);
  return bytes;
}

/** Milliseconds that this thread ran. */
function ran(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}

/** Least of three runs, or of as many as are told. */
function timed(act: () => void, runs = 3): number {
  let least = Infinity;
  for (let i = 0; i < runs; i++) {
    const start = ran();
    act();
    least = Math.min(least, ran() - start);
  }
  return least;
}

async function one(count: number): Promise<void> {
  const tree = treeOf(count);
  const before = await peakMemory();
  const name = `${count} entries`;
  const bound = { atMost: LIMITS[count] as number };
  let bytes = 0;
  const start = performance.now();
  figure(`${name}: plan and write, cold`, timed(() => bytes = write(tree), 1), "ms", bound);
  figure(`${name}: the same by the clock`, performance.now() - start, "ms");
  const warm = timed(() => write(tree));
  figure(`${name}: plan and write, best of three`, warm, "ms", bound);
  figure(`${name}: an entry`, warm * 1e6 / tree.count, "ns");
  figure(`${name}: of it the plan`, timed(() => writeErofs(tree)), "ms");
  figure(`${name}: name of the image`, timed(() => erofsImageName(tree)), "ms");
  const file = await Deno.makeTempFile();
  try {
    using out = await Deno.open(file, { write: true });
    const toFile = timed(() => {
      out.seekSync(0, Deno.SeekMode.Start);
      writeErofs(tree).write((piece) => {
        for (let at = 0; at < piece.length;) at += out.writeSync(piece.subarray(at));
      });
    });
    figure(`${name}: plan and write into a file`, toFile, "ms", { atMost: 2 * bound.atMost });
  } finally {
    await Deno.remove(file);
  }
  figure(`${name}: image`, bytes / tree.count, "B an entry");
  figure(`${name}: peak memory, the tree's build included`, await peakMemory(), "MiB", {
    atMost: 1.2 * 1024,
  });
  figure(`${name}: more than before the plan`, await peakMemory() - before, "MiB");
  figure(`${name}: image in all`, bytes / MIB, "MiB");
}

const [only] = Deno.args;
if (only !== undefined) await one(Number(only));
else {
  for (const size of SIZES) {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL(import.meta.url).pathname, String(size)],
    }).spawn().status;
    if (code !== 0) Deno.exitCode = 1;
  }
}
