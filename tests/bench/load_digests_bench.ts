/**
 * What the digests of all files cost when a layer is loaded, and how much memory a large layer takes.
 *
 *     deno run -A tests/bench/load_digests_bench.ts [LAYER.tar.gz]
 *
 * Without a layer it makes one of this machine's /usr with GNU tar. The large one is generated: 4 GiB
 * in gzip members of 64 MiB, streamed into a worker of a process of its own.
 */
// deno-lint-ignore-file no-console
import { gzipSync } from "node:zlib";
import { layerJob, type LayerJobInput } from "../../lib/layer_job/internal.ts";
import { createPool, type Pool } from "../../lib/pool/mod.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { tarEntry } from "../support/tar/tar_fixture.ts";
import { compare, figure, peakMemory } from "./harness.ts";

const MIB = 1024 * 1024;
const FILES = 64;
const FILE_BYTES = 64 * MIB;

if (Deno.args[0] === "--memory") {
  await loadLarge();
} else {
  await compareDigests(Deno.args[0]);
  await measureMemory();
}

async function compareDigests(given: string | undefined): Promise<void> {
  await using temp = await tempDir("varve-bench-");
  const path = given ?? await machineLayer(temp.join("layer.tar.gz"));
  await using pool = createPool({ workers: 1 });
  const length = (await Deno.stat(path)).size;
  const load = async (fileDigests: boolean): Promise<number> => {
    const directory = await Deno.makeTempDir({ dir: temp.path });
    const input = inputOf(directory, { kind: "file", path, offset: 0, length }, fileDigests);
    const output = await pool.run(layerJob, input);
    await Deno.remove(directory, { recursive: true });
    return output.uncompressedSize;
  };
  const size = await load(true);
  const [withDigests, without] = await compare(() => load(true), () => load(false), { runs: 7 });
  const rate = (milliseconds: number) => size / milliseconds / 1000;
  figure("layer job, one worker, gzip, with per-file digests", rate(withDigests.least), "MB/s");
  figure("layer job, one worker, gzip, without", rate(without.least), "MB/s");
  // The least of each: what else the machine does can only add to a time.
  figure("with per-file digests, as a multiple", withDigests.least / without.least, "x", {
    atMost: 1.33,
  });
}

function inputOf(
  directory: string,
  source: LayerJobInput["source"],
  fileDigests = true,
): LayerJobInput {
  return {
    source,
    target: {
      kind: "files",
      tar: `${directory}/layer.tar`,
      tree: `${directory}/tree`,
      blob: `${directory}/blob`,
    },
    expected: {},
    fileDigests,
  };
}

/** A few hundred megabytes of this machine's files, many and small. */
async function machineLayer(path: string): Promise<string> {
  const script =
    'tar -C / -cf - usr/share usr/bin/[a-f]* usr/lib/python3 2>/dev/null | gzip > "$0"';
  await run(["sh", "-c", script, path], { timeout: 300_000 });
  return path;
}

async function measureMemory(): Promise<void> {
  const self = new URL(import.meta.url).pathname;
  const { stdout } = await run([Deno.execPath(), "run", "-A", self, "--memory"], {
    timeout: 600_000,
  });
  const { peak, seconds } = JSON.parse(stdout) as { peak: number; seconds: number };
  const size = FILES * FILE_BYTES / MIB;
  figure("a layer of 4 GiB, streamed into a worker", size / seconds, "MiB/s");
  figure("peak memory of the whole process", peak, "MiB", { atMost: 400 });
}

/** In a process of its own: the highest resident memory is one figure a process. */
async function loadLarge(): Promise<void> {
  await using temp = await tempDir("varve-bench-");
  await using pool: Pool = createPool({ workers: 2 });
  const start = performance.now();
  const input = inputOf(temp.path, { kind: "stream" });
  const output = await pool.run(layerJob, input, { stream: largeLayer() });
  const seconds = (performance.now() - start) / 1000;
  if (output.entries !== FILES) throw new Error(`${output.entries} entries, not ${FILES}`);
  console.log(JSON.stringify({ peak: await peakMemory(), seconds }));
}

/** Files of one content under many names: its gzip member is made once and sent again and again. */
async function* largeLayer(): AsyncGenerator<Uint8Array> {
  // Stretches of 16 KiB, each of which comes eight times.
  const random = prng(1);
  const content = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 128 * 1024) {
    const stretch = random.bytes(16 * 1024);
    for (let copy = 0; copy < 8; copy++) content.set(stretch, at + copy * stretch.length);
  }
  const piece = gzipSync(content, { level: 6 });
  for (let i = 0; i < FILES; i++) {
    yield gzipSync(tarEntry({ name: `file-${i}`, content: "", size: FILE_BYTES }));
    for (let sent = 0; sent < FILE_BYTES; sent += content.length) yield piece;
  }
  yield gzipSync(new Uint8Array(1024));
}
