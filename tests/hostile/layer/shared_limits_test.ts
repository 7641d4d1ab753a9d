/** Limits that the layers of one load share: many tiny layers together get no more than one. */
import { assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { loadImages } from "../../../lib/archive/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import {
  archiveTar,
  buildImage,
  dockerFiles,
  type ImageSpec,
} from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { prng } from "../../support/prng.ts";
import { concat, file, gnuLong, header } from "../../support/tar/raw_blocks.ts";

type Layers = ImageSpec["layers"];

/** Entries of 20 times as many names, with 200 directories each. */
function deep(count: number, prefix: number): Uint8Array[] {
  const below = "/a".repeat(199);
  return Array.from({ length: 20 * count }, (_, i) => [
    gnuLong("L", `${prefix}-${i}${below}/f`),
    header({ name: "f" }),
  ]).flat();
}

const END = new Uint8Array(1024);
const tar = (...parts: Uint8Array[]) => concat(...parts, END);
/** Zeros that make an uncompressed layer large. */
const LARGE = file("zeros", "\0".repeat(4 * 1024 ** 2));

/** How a load of an archive ends, from a file and from a stream. */
async function verdicts(archive: Uint8Array<ArrayBuffer>): Promise<string[]> {
  await using temp = await tempDir();
  await Deno.writeFile(temp.join("a"), archive);
  const out: string[] = [];
  for (const source of [temp.join("a"), ReadableStream.from([archive])]) {
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    const code = await codeOf(() => loadImages(store, source, { pool }));
    out.push(code);
    if (code !== "ok") assertEquals([store.layers.list(), store.blobs.list()], [[], []]);
  }
  return out;
}

function archiveOf(layers: Layers, packing: "gzip" | "none" | "zstd"): Uint8Array<ArrayBuffer> {
  return archiveTar(dockerFiles([buildImage({ name: "example.org/app:1", layers, packing })]));
}

const packed = (archive: Uint8Array) => new Uint8Array(gzipSync(archive, { level: 9 }));

Deno.test("K10: 6 layers of 12,000 implied directories, each below the limit, are refused together", async () => {
  const layers = Array.from({ length: 6 }, (_, i) => tar(...deep(3, i)));
  assertEquals(await verdicts(archiveOf(layers.slice(0, 1), "gzip")), ["ok", "ok"]);
  assertEquals(await verdicts(archiveOf(layers, "gzip")), ["E_LIMIT", "E_LIMIT"]);
});

Deno.test("K10: layers of 90 MiB of zeros, each below the ratio's limit, are refused together", async () => {
  const size = 90 * 1024 ** 2;
  const zeros = (i: number) => tar(header({ name: `${i}`, size }), new Uint8Array(size));
  const archive = (count: number) =>
    archiveOf(Array.from({ length: count }, (_, i) => zeros(i)), "zstd");
  assertEquals(await verdicts(archive(1)), ["ok", "ok"]);
  assertEquals(await verdicts(archive(8)), ["E_LIMIT", "E_LIMIT"]);
});

Deno.test("K11: a plain layer in a compressed archive is judged by what the archive takes", async () => {
  const layers = [tar(...deep(30, 0), LARGE)];
  assertEquals(await verdicts(archiveOf(layers, "none")), ["ok", "ok"]);
  assertEquals(await verdicts(packed(archiveOf(layers, "none"))), ["E_LIMIT", "E_LIMIT"]);
  const many = Array.from({ length: 5 }, (_, i) => tar(...deep(3, i), LARGE));
  assertEquals(await verdicts(packed(archiveOf(many, "none"))), ["E_LIMIT", "E_LIMIT"]);
});

Deno.test("K10 K11: 20 layers of 3,000 files, compressed once, twice or by the archive, are taken", async () => {
  const random = prng(5);
  const layers = Array.from({ length: 20 }, (_, i) =>
    Array.from({ length: 3000 }, (_, k) => ({
      name: `dir-${i}/file-${k}`,
      content: random.bytes(8),
      mtime: random.int(1_500_000_000, 1_700_000_000),
    })));
  for (const packing of ["gzip", "none"] as const) {
    const archive = archiveOf(layers, packing);
    assertEquals(await verdicts(archive), ["ok", "ok"]);
    assertEquals(await verdicts(packed(archive)), ["ok", "ok"]);
  }
});
