import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromText, joinBytes, toHex } from "../../../lib/bytes/mod.ts";
import { sha256, sha256Bytes } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { layerJob, type LayerJobInput } from "../../../lib/layer_job/internal.ts";
import type { LayerJobOutput } from "../../../lib/layer_job/mod.ts";
import { createPool, type Pool } from "../../../lib/pool/mod.ts";
import { decodeTree, lookup, walk } from "../../../lib/tree/mod.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { toBytes } from "../../support/tar/tar_fixture.ts";
import {
  ENTRIES,
  expectedOf,
  filesIn,
  inPieces,
  layerOf,
  LAYERS,
  streamInput,
  type TestLayer,
} from "./layers.ts";

/** The output without what depends on the target. */
function values(output: LayerJobOutput): Omit<LayerJobOutput, "memory"> {
  const { memory: _, ...rest } = output;
  return rest;
}

function runStream(
  pool: Pool,
  layer: TestLayer,
  piece: number,
  more: Partial<LayerJobInput> = {},
): Promise<LayerJobOutput> {
  return pool.run(layerJob, { ...streamInput(layer), ...more }, {
    stream: inPieces(layer.blob, piece),
  });
}

/** Number of entries of the layers' tar, and four for each directory that has no entry. */
const COUNTED = 37;

for (const layer of LAYERS) {
  Deno.test(`${layer.compression}: one result on any thread, from any source, to any target`, async () => {
    await using temp = await tempDir();
    await using workers = createPool({ workers: 2 });
    await using inline = createPool({ inline: true });
    const path = temp.join("archive");
    await Deno.writeFile(path, new Uint8Array([7, 7, 7, ...layer.blob, 7, 7]));
    const whole = await runStream(inline, layer, layer.blob.length);
    assertEquals(values(whole), {
      digest: layer.digest,
      size: layer.blob.length,
      compression: layer.compression,
      diffId: layer.diffId,
      otherDiffId: undefined,
      uncompressedSize: layer.tar.length,
      treeDigest: whole.treeDigest,
      treeSum: sha256(whole.memory?.tree as Uint8Array),
      entries: whole.entries,
      beyondRatio: { entries: 0, metadata: 0, counted: COUNTED },
      warnings: [],
    });
    assertEquals(joinBytes(whole.memory?.tar ?? []), layer.tar);
    const blob = whole.memory?.blob ?? null;
    assertEquals(
      blob === null ? null : joinBytes(blob),
      layer.compression === "none" ? null : layer.blob,
    );
    const tree = decodeTree(whole.memory?.tree ?? new Uint8Array());
    assertEquals(tree.digest, whole.treeDigest);

    for (const pool of [workers, inline]) {
      assertEquals(pool.inline, pool === inline);
      for (const piece of [100, 511, 65_536]) {
        assertEquals(await runStream(pool, layer, piece), whole, `pieces of ${piece}`);
      }
      const directory = temp.join(`out-${pool.inline}`);
      await Deno.mkdir(directory);
      const target = filesIn(directory);
      const source = { kind: "file", path, offset: 3, length: layer.blob.length } as const;
      const output = await pool.run(layerJob, { source, target, expected: expectedOf(layer) });
      assertEquals(output, values(whole));
      assertEquals(await Deno.readFile(target.tar), layer.tar);
      assertEquals(await Deno.readFile(target.tree), whole.memory?.tree);
      const names = ["layer.tar", "tree"];
      if (layer.compression !== "none") {
        names.unshift("blob");
        assertEquals(await Deno.readFile(target.blob ?? ""), layer.blob);
      }
      const found = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
      assertEquals(found.sort(), names);
      for (const name of names) {
        assertEquals((await Deno.stat(`${directory}/${name}`)).mode ?? 0, 0o100600);
      }
      assert(!pool.inline || pool === inline, "the workers were used");
    }
  });
}

Deno.test("byte by byte", async () => {
  await using pool = createPool({ inline: true });
  const entries = ENTRIES.filter(({ name }) => !/\d{4}/.test(String(name)));
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const layer = layerOf(entries, compression);
    assertEquals(await runStream(pool, layer, 1), await runStream(pool, layer, 1 << 20));
  }
});

Deno.test("the tree has the digest and the place of each file's content", async () => {
  await using pool = createPool({ inline: true });
  const layer = LAYERS[1] as TestLayer;
  const { memory, diffId } = await runStream(pool, layer, 1000);
  const tree = decodeTree(memory?.tree ?? new Uint8Array());
  let files = 0;
  for (const { name, content, target } of ENTRIES) {
    if (content === undefined || target !== undefined || String(name).includes(".wh.")) continue;
    const node = lookup(tree, fromText(String(name)));
    assert(node?.type === "file");
    const bytes = toBytes(content);
    assertEquals(node.size, bytes.length);
    assertEquals(node.digest, bytes.length === 0 ? null : sha256Bytes(bytes));
    const extent = node.locator?.extents[0];
    if (extent !== undefined) {
      assertEquals(node.locator?.source, diffId);
      const { position, length } = extent;
      assertEquals(toHex(layer.tar.subarray(position, position + length)), toHex(bytes));
    }
    files++;
  }
  assertEquals(files, 10);
  const types = new Map([...walk(tree)].map(({ path, node }) => [path as string, node.type]));
  assertEquals(types.get("etc/gone"), "whiteout");
  assertEquals(types.get("dev/null"), "char");
});

Deno.test("without file digests only the tree's digests differ", async () => {
  await using pool = createPool({ inline: true });
  const layer = LAYERS[0] as TestLayer;
  const { treeDigest, treeSum: _, ...output } = values(await runStream(pool, layer, 1e6));
  const { treeDigest: other, treeSum: __, ...fast } = values(
    await runStream(pool, layer, 1e6, { fileDigests: false }),
  );
  assertEquals(fast, output);
  assert(other !== treeDigest);
});

Deno.test("an empty layer, in all its forms", async () => {
  await using pool = createPool({ inline: true });
  for (const size of [0, 512, 1024, 10_240]) {
    const tar = new Uint8Array(size);
    for (const layer of LAYERS.map(({ compression }) => ({ compression, tar }))) {
      const { output } = await runBare(pool, layer.tar);
      assertEquals([output.entries, output.uncompressedSize], [0, size]);
    }
  }
});

async function runBare(pool: Pool, bytes: Uint8Array): Promise<{ output: LayerJobOutput }> {
  const input = { source: { kind: "stream" }, target: { kind: "memory" }, expected: {} } as const;
  return { output: await pool.run(layerJob, input, { stream: inPieces(bytes, 1000) }) };
}

Deno.test("a digest of sha512 is verified as well", async () => {
  await using pool = createPool({ inline: true });
  const { createHasher } = await import("../../../lib/digest/mod.ts");
  for (const layer of LAYERS) {
    const hasher = createHasher("sha512");
    hasher.update(layer.blob);
    const digest = hasher.digest();
    const { diffId, mediaType } = layer;
    const output = await runStream(pool, layer, 5000, { expected: { digest, diffId, mediaType } });
    assertEquals([output.digest, output.diffId], [digest, diffId]);
    // The identity of a layer is a SHA-256, whatever the diffID that was promised.
    const ofTar = createHasher("sha512");
    ofTar.update(layer.tar);
    const otherDiffId = ofTar.digest() as typeof diffId;
    for (const expected of [{ diffId: otherDiffId }, { digest, diffId: otherDiffId }]) {
      const proved = await runStream(pool, layer, 5000, { expected });
      assertEquals([proved.diffId, proved.otherDiffId], [diffId, otherDiffId]);
    }
    if (layer.blob === layer.tar) continue;
    const lie = { diffId: digest as typeof diffId };
    const error = await assertRejects(
      () => runStream(pool, layer, 5000, { expected: lie }),
      VarveError,
    );
    assertEquals(error.code, "E_DIFFID");
  }
});

Deno.test("the last progress report has all bytes read and written", async () => {
  await using pool = createPool({ workers: 1 });
  const layer = LAYERS[1] as TestLayer;
  let last = { read: 0, written: 0 };
  await pool.run(layerJob, streamInput(layer), {
    stream: inPieces(layer.blob, 50_000),
    onProgress: (value) => {
      assert(value.read >= last.read && value.written >= last.written);
      last = value;
    },
  });
  assertEquals(last.read, layer.blob.length);
  assert(last.written > 0);
});

Deno.test("many layers at once", async () => {
  await using pool = createPool({ workers: 2 });
  const layers = Array.from(
    { length: 30 },
    (_, i) => layerOf([{ name: `file-${i}`, content: `content ${i}` }], "gzip"),
  );
  const outputs = await Promise.all(layers.map((layer) => runStream(pool, layer, 77)));
  assertEquals(outputs.map(({ diffId }) => diffId), layers.map(({ diffId }) => diffId));
});

leakTest("D42 cancelled in the middle: the reason, and nothing stays open", async () => {
  await using temp = await tempDir();
  const layer = LAYERS[1] as TestLayer;
  for (const inline of [true, false]) {
    await using pool = createPool({ workers: 1, inline });
    const directory = temp.join(String(inline));
    await Deno.mkdir(directory);
    const controller = new AbortController();
    const reason = { enough: true };
    const stream = async function* () {
      yield layer.blob.subarray(0, 100_000);
      controller.abort(reason);
      yield layer.blob.subarray(100_000);
    };
    const job = pool.run(layerJob, { ...streamInput(layer), target: filesIn(directory) }, {
      signal: controller.signal,
      stream: stream(),
    });
    assertEquals(await job.catch((error) => error === reason), true);
    assertEquals((await runStream(pool, layer, 1e5)).diffId, layer.diffId);
  }
});

leakTest("a failed job leaves nothing open", async () => {
  await using temp = await tempDir();
  const layer = LAYERS[1] as TestLayer;
  for (const inline of [true, false]) {
    await using pool = createPool({ workers: 1, inline });
    const directory = temp.join(String(inline));
    await Deno.mkdir(directory);
    const path = temp.join("blob");
    await Deno.writeFile(path, layer.blob);
    const source = { kind: "file", path, offset: 0, length: layer.blob.length } as const;
    const expected = { ...expectedOf(layer), diffId: layer.digest as never };
    await assertRejects(() => pool.run(layerJob, { source, expected, target: filesIn(directory) }));
  }
});
