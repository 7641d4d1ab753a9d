/**
 * Upkeep of a store with many snapshots, and of a store with large layers, in CPU seconds: other work on the machine
 * counts little.
 *
 * - The quick check against a plain loop that reads the same names, stats and markers.
 * - The mark of gc, an open after a clean end and one after an unclean end.
 * - The deep check against a plain program that hashes the same blobs and tars with node:crypto, each inode once. Both
 *   are processes, so the start counts.
 *
 * `VARVE_BENCH_SNAPSHOTS` and `VARVE_BENCH_LAYER_MIB` make the stores smaller or larger; 0 leaves one out.
 */
import { DatabaseSync } from "node:sqlite";
import { cpuUsage } from "node:process";
import { openStore } from "../../lib/store/mod.ts";
import { checkStore, collectGarbage } from "../../lib/upkeep/mod.ts";
import { Cli, MAIN } from "../support/cli/cli.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { figure, timingOf } from "./harness.ts";
import { usageOf } from "./process_usage.ts";
import { figureRatio, ratioOf } from "./ratio.ts";

const snapshots = Number(Deno.env.get("VARVE_BENCH_SNAPSHOTS") ?? "100000");
const mebibytes = Number(Deno.env.get("VARVE_BENCH_LAYER_MIB") ?? "4096");
const PAIRS = 5;

await using temp = await tempDir("varve-bench-", "/var/tmp");

/** CPU seconds of this process that a call takes. */
async function cpuSeconds(fn: () => unknown): Promise<number> {
  const before = cpuUsage();
  await fn();
  const { user, system } = cpuUsage(before);
  return (user + system) / 1e6;
}

async function benchSnapshots(root: string): Promise<void> {
  await makeSnapshots(root);
  const checks: number[] = [], loops: number[] = [], marks: number[] = [];
  {
    await using store = await openStore({ root });
    for (let pair = 0; pair < PAIRS; pair++) {
      loops.push(await cpuSeconds(() => readAll(root)));
      checks.push(
        await cpuSeconds(async () => {
          const findings = await checkStore(store);
          if (findings.length > 0) throw new Error(findings[0]?.what);
        }),
      );
      marks.push(await cpuSeconds(() => collectGarbage(store, { dryRun: true })));
    }
  }
  figure(`a plain loop over ${snapshots} snapshots`, timingOf(loops).median, "s");
  figure("quick fsck", timingOf(checks).median, "s");
  figureRatio("quick fsck to the plain loop", ratioOf(checks, loops), { atMost: 1.5 });
  figure("mark of gc", timingOf(marks).median, "s", { atMost: 2 });
  const opens: number[] = [], unclean: number[] = [];
  for (let i = 0; i < PAIRS; i++) {
    opens.push(await cpuSeconds(() => openAndClose(root)));
    // A lock that nobody holds shows that a process died.
    await Deno.writeTextFile(`${root}/ingest/0123456789abcde${i}.lock`, "");
    unclean.push(await cpuSeconds(() => openAndClose(root)));
  }
  figure("open after a clean end", timingOf(opens).median * 1000, "ms", { atMost: 20 });
  figure("open after an unclean end", timingOf(unclean).median * 1000, "ms");
}

async function openAndClose(root: string): Promise<void> {
  await (await openStore({ root }))[Symbol.asyncDispose]();
}

/** Makes a store with many read-write snapshots, as the drivers would. */
async function makeSnapshots(root: string): Promise<void> {
  await openAndClose(root);
  using db = new DatabaseSync(`${root}/meta.db`);
  db.exec("BEGIN");
  const put = db.prepare(
    `INSERT INTO snapshot (scope, key, kind, cache_id, labels, created_at, updated_at)
     VALUES ('', ?, 'active', ?, '[]', 1, 1)`,
  );
  for (let id = 1; id <= snapshots; id++) {
    const path = `${root}/snapshots/${id}`;
    for (const name of ["", "/fs", "/work"]) await Deno.mkdir(path + name, { mode: 0o700 });
    const marker = {
      ...{ id, kind: "snapshot", scope: "", key: `snapshot-${id}`, use: "active", parent: null },
      ...{ diffID: null, labels: [], createdAt: 1, updatedAt: 1 },
    };
    const text = `varve-marker 3\n${JSON.stringify(marker)}\n`;
    await Deno.writeTextFile(`${path}/marker`, text, { mode: 0o400 });
    put.run(marker.key, id);
  }
  db.prepare("UPDATE state SET value = ? WHERE key = 'next_cache_id'").run(snapshots + 1);
  db.exec("COMMIT");
}

/** The plain loop: reads the names, the stats and the markers. */
function readAll(root: string): void {
  const statAll = (directory: string): string[] => {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    for (const name of names) Deno.lstatSync(`${directory}/${name}`);
    return names;
  };
  for (const home of ["layers", "chains", "snapshots"]) {
    for (const name of statAll(`${root}/${home}`)) {
      const path = `${root}/${home}/${name}`;
      if (statAll(path).includes("marker")) Deno.readFileSync(`${path}/marker`);
    }
  }
}

async function benchLayers(root: string): Promise<void> {
  const varve = new Cli(root);
  const random = prng(7).bytes(2 ** 20);
  // Random bytes alone and bytes that repeat, some of them as compressed blobs, too.
  const directory = temp.join("files");
  for (let image = 0; image < 4; image++) {
    await Deno.mkdir(directory);
    const pieces = Math.floor(mebibytes / 4 / 64);
    for (let i = 0; i < pieces; i++) {
      using file = await Deno.open(`${directory}/${i}`, { write: true, create: true });
      for (let mib = 0; mib < 64; mib++) {
        random[mib] = image * 64 + i;
        await file.write(random);
      }
    }
    await varve.text(["import", directory, `image:${image}`, "--quiet"], { timeout: 900_000 });
    await Deno.remove(directory, { recursive: true });
  }
  const plain: number[] = [], deep: number[] = [];
  const program = temp.join("hash.js");
  await Deno.writeTextFile(program, HASH);
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  for (let pair = 0; pair < PAIRS; pair++) {
    plain.push((await usageOf([...deno, program, root])).cpu);
    const check = ["--root", root, "fsck", "--deep", "--quiet"];
    deep.push((await usageOf([...deno, MAIN, ...check])).cpu);
  }
  figure(`node:crypto over ${mebibytes} MiB`, timingOf(plain).median, "s");
  figure("deep fsck", timingOf(deep).median, "s");
  figureRatio("deep fsck to node:crypto", ratioOf(deep, plain), { atMost: 1.25 });
}

const HASH = `
  import { createHash } from "node:crypto";
  const root = Deno.args[0], seen = new Set(), buffer = new Uint8Array(1 << 20);
  const hash = (path) => {
    const { dev, ino } = Deno.lstatSync(path);
    if (seen.has(dev + ":" + ino)) return;
    seen.add(dev + ":" + ino);
    const file = Deno.openSync(path), hash = createHash("sha256");
    for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) hash.update(buffer.subarray(0, n));
    hash.digest("hex");
    file.close();
  };
  const blobs = root + "/content/blobs/sha256";
  for (const { name } of Deno.readDirSync(blobs)) hash(blobs + "/" + name);
  for (const { name } of Deno.readDirSync(root + "/layers")) hash(root + "/layers/" + name + "/layer.tar");
`;

if (snapshots > 0) await benchSnapshots(temp.join("many"));
if (mebibytes > 0) await benchLayers(temp.join("large"));
