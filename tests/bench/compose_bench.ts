/**
 * Composition: layer trees on the disk become one image on the disk, as layers and entries grow.
 * Does the cost of an entry stay flat? And what costs a layer of 100 entries more on 1,000,000?
 *
 * Each case runs in a process of its own, so that a peak of memory is its own. Times are those that
 * the thread ran, the best of three: the work is done by one thread that waits for nothing but the page cache.
 */
import { writeErofs } from "../../lib/codec/erofs/mod.ts";
import { composeJob, KEPT_FROM } from "../../lib/compose/compose_job.ts";
import { type DiffId, sha256 } from "../../lib/digest/mod.ts";
import { readTree } from "../../lib/directory/read_tree.ts";
import { foldLayers } from "../../lib/layer/mod.ts";
import type { TreeFile } from "../../lib/store/mod.ts";
import {
  type DirectoryNode,
  type FileNode,
  fromText,
  newBytes,
  timestamp,
  type Tree,
  TreeBuilder,
  writeTreeFile,
} from "../../lib/tree/mod.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { figure, peakMemory } from "./harness.ts";
import { report, type ResultRow } from "./results.ts";

const CASES: readonly (readonly [layers: number, entries: number])[] = [
  [1, 40_000],
  [8, 40_000],
  [128, 40_000],
  [8, 200_000],
  [8, 1_000_000],
  [128, 1_000_000],
];
const MIB = 1024 * 1024;
const RUNS = 3;
const TIMES = 100;

/** Like package trees; each layer has packages of its own, or those of all others, and all change one directory. */
function layerOf(number: number, entries: number, isShared = false): Tree {
  const builder = new TreeBuilder({ kind: "layer" });
  const source = sha256(new TextEncoder().encode(`layer ${number}`)) as DiffId;
  const digest = new Uint8Array(32).fill(number);
  const attributes = { uid: 0, gid: 0, mtime: timestamp(1_700_000_000 + number), xattrs: [] };
  const directory: DirectoryNode = {
    ...attributes,
    mode: 0o755,
    type: "directory",
    opaque: false,
    implied: false,
  };
  let made = 0;
  const put = (parent: number, name: string) => {
    const size = 1 + made % 30_000;
    const node: FileNode = {
      ...attributes,
      mode: 0o644,
      type: "file",
      size,
      digest: null,
      locator: null,
      group: null,
    };
    digest[0] = made;
    digest[1] = made >>> 8;
    digest[2] = made >>> 16;
    const id = builder.put(parent, fromText(name), node);
    builder.content(id, digest, [{ logical: 0, length: size, position: made++ * 2048 }]);
  };
  const shared = builder.put(0, fromText("shared"), directory);
  for (let i = 0; i < 8; i++) put(shared, `file-${(number + i) % 16}`);
  for (let a = 0; made < entries; a++) {
    const top = builder.put(0, fromText(`package-${isShared ? "" : number}-${a}`), directory);
    made++;
    for (let b = 0; b < 16 && made < entries; b++) {
      const middle = builder.put(top, fromText(`lib${b}`), directory);
      made++;
      for (let c = 0; c < 11 && made < entries; c++) {
        put(middle, isShared ? `module_${number}_${c}` : `module_${c}.d.ts`);
      }
    }
  }
  return builder.finish(source);
}

/** Whose damage it would be, if there were any. */
const SOURCE = sha256(new Uint8Array()) as DiffId;

/** Milliseconds that this thread ran. */
function ran(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}

/** The least of some runs. What takes less than a tick of the clock is done several `times` in each. */
async function best(act: (run: number) => unknown, times = 1): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const start = ran();
    for (let i = 0; i < times; i++) await act(run);
    least = Math.min(least, (ran() - start) / times);
  }
  return least;
}

function store(path: string, tree: Tree): TreeFile {
  Deno.writeFileSync(path, new Uint8Array(0));
  const append = (bytes: Uint8Array) => Deno.writeFileSync(path, bytes, { append: true });
  return { diffId: SOURCE, path, sum: writeTreeFile(tree, append) };
}

async function one(layers: number, entries: number): Promise<ResultRow> {
  await using temp = await tempDir("varve-bench-", "/var/tmp");
  const trees: TreeFile[] = [];
  for (let i = 0; i < layers; i++) {
    trees.push(store(temp.join(`layer-${i}`), layerOf(i, Math.floor(entries / layers))));
  }
  // A store with other chains is looked through for the same image: here there is none.
  const input = { trees, below: null, contents: [], dirty: [], siblings: [], generation: 0 };
  const context = { signal: new AbortController().signal } as Parameters<typeof composeJob.run>[1];
  let size = 0;
  const whole = await best(async (run) => {
    const target = temp.join(`image-${run}`);
    await Deno.mkdir(target);
    size = (await composeJob.run({ ...input, target }, context)).size;
  });
  const peak = await peakMemory();
  let tree = foldLayers(trees.map(readTree));
  const fold = await best(() => tree = foldLayers(trees.map(readTree)));
  return {
    layers,
    entries: tree.count,
    "compose (ms)": whole,
    "of it read and fold (ms)": fold,
    "an entry (µs)": whole * 1000 / tree.count,
    "image (MiB)": size / MIB,
    "peak memory (MiB)": peak,
  };
}

/** One layer of 100 entries more on a chain of 1,000,000 in eight layers, which have packages of their own or share all. */
async function more(isShared: boolean): Promise<ResultRow> {
  await using temp = await tempDir("varve-bench-", "/var/tmp");
  const files: TreeFile[] = [];
  for (let i = 0; i < 8; i++) {
    files.push(store(temp.join(`layer-${i}`), layerOf(i, 125_000, isShared)));
  }
  let trees: Tree[] = [];
  const read = await best(() => trees = files.map(readTree));
  const top = readTree(store(temp.join("top"), layerOf(8, 100)));
  const below = foldLayers(trees);
  const whole = await best(() => foldLayers([...trees, top]), isShared ? 1 : TIMES);
  const isKept = newBytes(below) >= KEPT_FROM;
  let file: TreeFile | undefined;
  const kept = await best((run) => file = store(temp.join(`kept-${run}`), below));
  let base = below;
  const again = await best(() => base = readTree(file as TreeFile));
  // What a compose job does.
  let tree = below;
  const act = isKept ? () => foldLayers([top], base) : () => foldLayers([...trees, top]);
  const fold = await best(() => tree = act(), TIMES);
  const image = await best(() => writeErofs(tree).write(() => {}));
  return {
    "layers share": isShared ? "all directories" : "one directory",
    entries: tree.count,
    "read and check all layers (ms)": read,
    "fold all (ms)": whole,
    "tree below": isKept ? "kept" : "not kept",
    "fold (ms)": fold,
    "image (ms)": image,
    "keep the tree below (ms)": kept,
    "read and check it (ms)": again,
    "size of it (MiB)": (await Deno.stat(temp.join("kept-0"))).size / MIB,
  };
}

const [layers, entries] = Deno.args;
if (layers !== undefined) {
  const row = layers === "more"
    ? await more(entries === "shared")
    : await one(Number(layers), Number(entries));
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(row)));
} else {
  const child = async (...args: string[]): Promise<ResultRow> => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL(import.meta.url).pathname, ...args],
      stderr: "inherit",
    }).output();
    if (code !== 0) Deno.exit(1);
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  const rows: ResultRow[] = [];
  for (const [layers, entries] of CASES) rows.push(await child(`${layers}`, `${entries}`));
  await report("compose", "Composition of layers into one image", rows);
  const incremental = [await child("more", "own"), await child("more", "shared")];
  await report("compose_more", "One layer of 100 entries more on 1,000,000", incremental);
  const column = (row: ResultRow | undefined, name: string) => Number(row?.[name]);
  const cost = (row: ResultRow | undefined) => column(row, "an entry (µs)");
  figure(
    "an entry of 1,000,000 against one of 40,000, 8 layers",
    cost(rows[4]) / cost(rows[1]),
    "×",
    {
      atMost: 1.5,
    },
  );
  figure("compose 40,000 entries", column(rows[1], "compose (ms)"), "ms", { atMost: 100 });
  figure("compose 1,000,000 entries", column(rows[4], "compose (ms)"), "ms", { atMost: 1500 });
  figure("its peak memory", column(rows[4], "peak memory (MiB)"), "MiB", { atMost: 1.2 * 1024 });
  for (const row of incremental) {
    const title = `100 entries more, layers that share ${row["layers share"]}`;
    figure(`${title}: fold`, column(row, "fold (ms)"), "ms", { atMost: 25 });
    figure(`${title}: image`, column(row, "image (ms)"), "ms", { atMost: 800 });
  }
}
