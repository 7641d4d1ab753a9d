/**
 * Peak memory of `load`: of a layer of 4 GiB, and of one of 2,000,000 empty files.
 *
 * `VARVE_BENCH_GIB` and `VARVE_BENCH_ENTRIES` make them smaller or larger; 0 leaves one out.
 */
import { createHash } from "node:crypto";
import { MAIN } from "../support/cli/cli.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { header } from "../support/tar/raw_blocks.ts";
import { figure } from "./harness.ts";

const GIB = 2 ** 30, MIB = 2 ** 20;
const size = Number(Deno.env.get("VARVE_BENCH_GIB") ?? "4") * GIB;
/** Files of 64 MiB of bytes that no compressor makes small: their content repeats only far apart. */
const FILE = 64 * MIB;

const entries = Number(Deno.env.get("VARVE_BENCH_ENTRIES") ?? "2000000");
const BYTES_AN_ENTRY = 200;

await using temp = await tempDir("varve-bench-");

if (size > 0) {
  const layout = await writeLayout("large", largeLayer);
  for (const workers of [1, 2]) {
    const peak = await peakOfLoad(layout, workers);
    figure(`peak of load, a layer of ${size / GIB} GiB, ${workers} workers`, peak / MIB, "MiB", {
      atMost: 300,
    });
  }
  await Deno.remove(layout, { recursive: true });
}
if (entries > 0) {
  // The same bytes in one file: what they need by themselves is no cost of the entries.
  const few = await peakOfLoad(await writeLayout("few", () => emptyFiles(1)), 2);
  const many = await peakOfLoad(await writeLayout("many", () => emptyFiles(entries)), 2);
  figure(`peak of load, ${entries} empty files`, many / MIB, "MiB");
  figure("bytes for each of them", (many - few) / entries, "B", { atMost: BYTES_AN_ENTRY });
}

/** Highest resident memory of a load, in bytes. */
async function peakOfLoad(layout: string, workers: number): Promise<number> {
  const store = temp.join("store");
  const { stderr } = await run([
    "/usr/bin/time",
    "-f",
    "%M kB",
    Deno.execPath(),
    "run",
    "-A",
    "--no-check",
    MAIN,
    "load",
    layout,
    "--quiet",
    "--workers",
    String(workers),
  ], { timeout: 900_000, env: { VARVE_ROOT: store, VARVE_DURABILITY: "none" } });
  await Deno.remove(store, { recursive: true });
  return Number(/(\d+) kB/.exec(stderr)?.[1]) * 1024;
}

/** Half noise, half zeros in each MiB: it inflates at the speed of a real layer, and stays below the ratio limit. */
function* largeLayer(): Generator<Uint8Array> {
  const block = prng(1).bytes(MIB);
  block.fill(0, block.length / 2);
  for (let done = 0, i = 0; done < size; done += FILE, i++) {
    yield header({ name: `file-${i}`, size: FILE });
    for (let at = 0; at < FILE; at += block.length) yield block;
  }
}

/** Files of no content, a thousand in a directory. */
function* emptyFiles(count: number): Generator<Uint8Array> {
  const many = new Uint8Array(512 * 1000);
  for (let i = 0; i < count; i += 1000) {
    const here = Math.min(1000, count - i);
    for (let k = 0; k < here; k++) {
      many.set(header({ name: `d/${i / 1000}/file-${k}`, size: 0 }), 512 * k);
    }
    yield many.subarray(0, 512 * here);
  }
}

/** Gives diffID and blob. */
async function writeLayer(
  path: string,
  content: Iterable<Uint8Array>,
): Promise<[string, { digest: string; size: number }]> {
  const tar = createHash("sha256");
  const packed = createHash("sha256");
  using file = await Deno.open(path, { write: true, create: true });
  const gzip = new CompressionStream("gzip");
  const writing = (async () => {
    for await (const chunk of gzip.readable) {
      packed.update(chunk);
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    }
  })();
  const writer = gzip.writable.getWriter();
  const put = async (bytes: Uint8Array) => {
    tar.update(bytes);
    await writer.write(bytes as Uint8Array<ArrayBuffer>);
  };
  for (const bytes of content) await put(bytes);
  await put(new Uint8Array(1024));
  await writer.close();
  await writing;
  const { size: length } = await Deno.stat(path);
  return [
    `sha256:${tar.digest("hex")}`,
    { digest: `sha256:${packed.digest("hex")}`, size: length },
  ];
}

/** An OCI layout of one layer; gives its directory. */
async function writeLayout(name: string, content: () => Iterable<Uint8Array>): Promise<string> {
  const path = temp.join(name);
  const layer = temp.join("layer.tar.gz");
  const [diffId, blob] = await writeLayer(layer, content());
  await Deno.mkdir(`${path}/blobs/sha256`, { recursive: true });
  await Deno.rename(layer, `${path}/blobs/sha256/${blob.digest.slice(7)}`);
  const document = async (value: unknown, mediaType: string) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const hex = createHash("sha256").update(bytes).digest("hex");
    await Deno.writeFile(`${path}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const oci = "application/vnd.oci.image";
  const config = await document(
    { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } },
    `${oci}.config.v1+json`,
  );
  const layers = [{ mediaType: `${oci}.layer.v1.tar+gzip`, ...blob }];
  const manifest = await document(
    { schemaVersion: 2, config, layers },
    `${oci}.manifest.v1+json`,
  );
  await Deno.writeTextFile(`${path}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  await Deno.writeTextFile(
    `${path}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [manifest] }),
  );
  return path;
}
