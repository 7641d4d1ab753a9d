/**
 * Peak memory of `load`, whatever the size of a layer: one of 4 GiB, generated while it is read.
 *
 * `VARVE_BENCH_GIB` makes it smaller or larger.
 */
import { createHash } from "node:crypto";
import { MAIN } from "../support/cli.ts";
import { prng } from "../support/prng.ts";
import { run } from "../support/process.ts";
import { header } from "../support/tar_blocks.ts";
import { tempDir } from "../support/temp.ts";
import { figure } from "./harness.ts";

const GIB = 2 ** 30;
const size = Number(Deno.env.get("VARVE_BENCH_GIB") ?? "4") * GIB;
/** Files of 64 MiB of bytes that no compressor makes small: their content repeats only far apart. */
const FILE = 64 * 2 ** 20;

await using temp = await tempDir("varve-bench-");
const layer = temp.join("layer.tar.gz");
const [diffId, blob] = await writeLayer(layer);
await writeLayout(temp.join("layout"), layer, diffId, blob);

for (const workers of [1, 2]) {
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
    temp.join("layout"),
    "--quiet",
    "--workers",
    String(workers),
  ], {
    timeout: 900_000,
    env: { VARVE_ROOT: temp.join(`store-${workers}`), VARVE_DURABILITY: "none" },
  });
  const kib = Number(/(\d+) kB/.exec(stderr)?.[1]);
  figure(`peak of load, a layer of ${size / GIB} GiB, ${workers} workers`, kib / 1024, "MiB", {
    atMost: 400,
  });
  await Deno.remove(temp.join(`store-${workers}`), { recursive: true });
}

/** Gives diffID and digest. */
async function writeLayer(path: string): Promise<[string, { digest: string; size: number }]> {
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
  // Half noise, half zeros in each MiB: it inflates at the speed of a real layer, and stays below the ratio limit.
  const block = prng(1).bytes(2 ** 20);
  block.fill(0, block.length / 2);
  for (let done = 0, i = 0; done < size; done += FILE, i++) {
    await put(header({ name: `file-${i}`, size: FILE }));
    for (let at = 0; at < FILE; at += block.length) await put(block);
  }
  await put(new Uint8Array(1024));
  await writer.close();
  await writing;
  const { size: length } = await Deno.stat(path);
  return [
    `sha256:${tar.digest("hex")}`,
    { digest: `sha256:${packed.digest("hex")}`, size: length },
  ];
}

async function writeLayout(
  path: string,
  layer: string,
  diffId: string,
  blob: { digest: string; size: number },
): Promise<void> {
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
}
