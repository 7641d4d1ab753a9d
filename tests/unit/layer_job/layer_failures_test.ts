/** A bad layer fails with the code of the outermost error, on any thread. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type DiffId, type Digest, sha256 } from "../../../lib/digest/mod.ts";
import { type ErrorCode, VarveError } from "../../../lib/errors.ts";
import { layerJob, type LayerJobInput } from "../../../lib/layer_job/internal.ts";
import type { LayerTarget } from "../../../lib/layer_job/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { concat } from "../../support/tar/tar_fixture.ts";
import {
  compressed,
  ENTRIES,
  expectedOf,
  filesIn,
  inPieces,
  layerOf,
  LAYERS,
  streamInput,
  type TestLayer,
} from "./layers.ts";

const [PLAIN, GZIP, ZSTD] = LAYERS as [TestLayer, TestLayer, TestLayer];
const OTHER = sha256(Uint8Array.of(1, 2, 3));
const XZ = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, ...new Uint8Array(600));
const TYPE = "application/vnd.oci.image.layer.v1.tar";

type Expected = Partial<LayerJobInput["expected"]>;

interface Row {
  readonly name: string;
  readonly code: ErrorCode;
  /** The bytes of the source. */
  readonly bytes: Uint8Array;
  /** What the job expects of them. */
  readonly expected?: Expected;
  /** More input for the job. */
  readonly more?: Partial<LayerJobInput>;
  /** Code of the error's cause; not checked when absent. */
  readonly cause?: ErrorCode;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 0x55;
  return copy;
}

/** What a descriptor says of the undamaged layer. */
function trueOf(layer: TestLayer): Expected {
  return { digest: layer.digest, size: layer.blob.length, diffId: layer.diffId };
}

const cutGzip = GZIP.blob.slice(0, -9);
const cutZstd = ZSTD.blob.slice(0, -1);
const cutTar = compressed(PLAIN.tar.slice(0, 150_000), "gzip");
const trailing = concat([GZIP.blob, Uint8Array.of(1, 2, 3)]);
const badHeader = compressed(flipped(PLAIN.tar, 3) as Uint8Array<ArrayBuffer>, "gzip");
const escaping = layerOf([...ENTRIES, { name: "../victim/x", content: "x" }], "gzip");
const bomb = compressed(new Uint8Array(3_000_000), "gzip");

const ROWS: readonly Row[] = [
  {
    name: "F01 wrong digest",
    code: "E_DIGEST",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), digest: OTHER },
  },
  {
    name: "F01 wrong digest of an uncompressed layer",
    code: "E_DIGEST",
    bytes: PLAIN.blob,
    expected: { ...trueOf(PLAIN), digest: OTHER },
  },
  {
    name: "F01 flipped bytes, same size",
    code: "E_DIGEST",
    bytes: flipped(GZIP.blob, 100_000),
    expected: trueOf(GZIP),
    cause: "E_FORMAT",
  },
  {
    name: "F01 flipped bytes of the first header",
    code: "E_DIGEST",
    bytes: flipped(PLAIN.blob, 3),
    expected: trueOf(PLAIN),
    cause: "E_HEADER",
  },
  {
    name: "F02 longer than its size",
    code: "E_SIZE",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), size: GZIP.blob.length - 1 },
  },
  {
    name: "F02 shorter than its size",
    code: "E_SIZE",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), size: GZIP.blob.length + 1 },
  },
  {
    name: "F02 size before digest",
    code: "E_SIZE",
    bytes: cutGzip,
    expected: trueOf(GZIP),
  },
  {
    name: "F06 wrong diffID, good digest",
    code: "E_DIFFID",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), diffId: OTHER as DiffId },
  },
  {
    name: "F06 wrong diffID of an uncompressed layer without a descriptor",
    code: "E_DIFFID",
    bytes: PLAIN.blob,
    expected: { diffId: OTHER as DiffId },
  },
  {
    name: "F06 a diffID that a damaged header cannot have",
    code: "E_DIFFID",
    bytes: badHeader.blob,
    expected: { size: badHeader.blob.length, diffId: PLAIN.diffId },
    cause: "E_HEADER",
  },
  {
    name: "D07 a damaged header in a layer that is as stated",
    code: "E_HEADER",
    bytes: badHeader.blob,
    expected: trueOf(badHeader),
  },
  { name: "D07 a damaged header, nothing stated", code: "E_HEADER", bytes: badHeader.blob },
  { name: "D34 cut gzip", code: "E_TRUNCATED", bytes: cutGzip },
  {
    name: "D34 cut gzip that is as stated",
    code: "E_TRUNCATED",
    bytes: cutGzip,
    expected: { digest: sha256(cutGzip), size: cutGzip.length, diffId: GZIP.diffId },
  },
  { name: "D34 cut zstd", code: "E_TRUNCATED", bytes: cutZstd },
  { name: "D34 cut tar", code: "E_TRUNCATED", bytes: cutTar.blob, expected: trueOf(cutTar) },
  { name: "D34 cut header", code: "E_TRUNCATED", bytes: PLAIN.tar.slice(0, 300) },
  { name: "D34 cut body", code: "E_TRUNCATED", bytes: PLAIN.tar.slice(0, 120_000) },
  { name: "E07 trailing garbage", code: "E_TRAILING", bytes: trailing },
  {
    name: "E10 xz",
    code: "E_COMPRESSION",
    bytes: XZ,
    expected: { mediaType: `${TYPE}+gzip`, size: XZ.length, digest: sha256(XZ) },
  },
  {
    name: "E11 uncompressed by its media type, gzip by its bytes",
    code: "E_COMPRESSION",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), mediaType: TYPE },
  },
  {
    name: "unknown media type",
    code: "E_MEDIA_TYPE",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), mediaType: "application/x-unknown" },
  },
  {
    name: "E15 encrypted media type",
    code: "E_MEDIA_TYPE",
    bytes: GZIP.blob,
    expected: { ...trueOf(GZIP), mediaType: `${TYPE}+gzip+encrypted` },
  },
  {
    name: "A01 unsafe path",
    code: "E_PATH_ESCAPE",
    bytes: escaping.blob,
    expected: trueOf(escaping),
  },
  {
    name: "E01 more than the layer's limit",
    code: "E_LIMIT",
    bytes: bomb.blob,
    expected: trueOf(bomb),
    more: { streamLimits: { layerBytes: 2_999_999 } },
  },
  {
    name: "E01 more than the ratio",
    code: "E_LIMIT",
    bytes: bomb.blob,
    more: { streamLimits: { ratio: 10, ratioFromBytes: 0 } },
  },
  {
    name: "D27 more entries than the limit",
    code: "E_LIMIT",
    bytes: GZIP.blob,
    more: { limits: { entries: 3 } },
  },
];

const MODES = [
  { where: "inline", options: { inline: true } },
  { where: "in a worker", options: { workers: 1 } },
  { where: "in halves", options: { workers: 2 } },
] as const;

for (const { where, options } of MODES) {
  Deno.test(`a layer that is refused, ${where}`, async (t) => {
    await using temp = await tempDir();
    await using pool = createPool(options);
    let directories = 0;
    const target = async (): Promise<LayerTarget> => {
      if (where !== "in halves") return { kind: "memory" };
      const directory = temp.join(String(++directories));
      await Deno.mkdir(directory);
      return filesIn(directory);
    };
    for (const { name, code, bytes, expected = {}, more = {}, cause } of ROWS) {
      await t.step(name, async () => {
        const errors = [];
        for (const piece of [999, bytes.length]) {
          const input: LayerJobInput = {
            source: { kind: "stream" },
            target: await target(),
            expected,
            halvesFrom: 0,
            ...more,
          };
          const job = pool.run(layerJob, input, { stream: inPieces(bytes, piece) });
          errors.push(await assertRejects(() => job, VarveError));
        }
        const [error, other] = errors as [VarveError, VarveError];
        assertEquals([error.code, other.code], [code, code]);
        assertEquals([error.message, other.message], [error.message, error.message]);
        if (cause !== undefined) {
          assertInstanceOf(error.cause, VarveError);
          assertEquals(error.cause.code, cause);
        }
      });
    }
    // The pool still works.
    const stream = inPieces(GZIP.blob, 100_000);
    assertEquals((await pool.run(layerJob, streamInput(GZIP), { stream })).diffId, GZIP.diffId);
  });
}

Deno.test("a mismatch error has the expected and the actual value", async () => {
  await using pool = createPool({ inline: true });
  const fail = async (expected: Expected) => {
    const stream = inPieces(GZIP.blob, 1e6);
    const job = pool.run(layerJob, streamInput(GZIP, expected), { stream });
    return (await assertRejects(() => job, VarveError)).details;
  };
  assertEquals(await fail({ digest: OTHER }), { expected: OTHER, actual: GZIP.digest });
  assertEquals(await fail({ diffId: OTHER as DiffId }), { expected: OTHER, actual: GZIP.diffId });
  const size = GZIP.blob.length;
  assertEquals(await fail({ size: size + 1 }), { expected: size + 1, actual: size });
});

Deno.test("F02 reading stops at the first byte too many", async () => {
  await using pool = createPool({ inline: true });
  let given = 0;
  const endless = async function* () {
    for (;;) {
      given += 1000;
      yield GZIP.blob.subarray(0, 1000);
    }
  };
  const input = streamInput(GZIP, { size: 10_500 });
  const job = pool.run(layerJob, input, { stream: endless() });
  assertEquals((await assertRejects(() => job, VarveError)).code, "E_SIZE");
  assertEquals(given, 11_000);
});

Deno.test("bad data in a source of unknown size ends the job at once", async () => {
  await using pool = createPool({ inline: true });
  const endless = async function* () {
    yield badHeader.blob;
    for (;;) yield new Uint8Array(1000);
  };
  const input: LayerJobInput = {
    source: { kind: "stream" },
    target: { kind: "memory" },
    expected: { digest: GZIP.digest as Digest },
  };
  const job = pool.run(layerJob, input, { stream: endless() });
  assertEquals((await assertRejects(() => job, VarveError)).code, "E_HEADER");
});

Deno.test("E10 a compression that differs from the media type is a warning", async () => {
  await using pool = createPool({ inline: true });
  for (const [layer, mediaType] of [[PLAIN, `${TYPE}+gzip`], [ZSTD, `${TYPE}.gzip`]] as const) {
    const stream = inPieces(layer.blob, 1e6);
    const { warnings } = await pool.run(layerJob, streamInput(layer, { mediaType }), { stream });
    assertEquals(warnings.map(({ code, count }) => [code, count]), [["W_MEDIA_TYPE", 1]]);
    assert(warnings[0]?.example.includes(layer.compression === "none" ? "uncompressed" : "zstd"));
  }
});

Deno.test("warnings of the layer, the media type and the padding in one output", async () => {
  await using pool = createPool({ inline: true });
  const { tar } = layerOf([{ name: "a", content: "PADDED", xattrs: { "trusted.x": "y" } }]);
  tar[new TextDecoder("latin1").decode(tar).indexOf("PADDED") + 6] = 7;
  const layer = compressed(tar, "gzip");
  const input = streamInput(layer, { mediaType: `${TYPE}+zstd` });
  const { warnings } = await pool.run(layerJob, input, { stream: inPieces(layer.blob, 1e6) });
  assertEquals(warnings.map(({ code }) => code), ["W_XATTR_TRUSTED", "W_MEDIA_TYPE", "W_PADDING"]);
});

Deno.test("a source or a target that fails", async () => {
  await using temp = await tempDir();
  await using pool = createPool({ inline: true });
  const path = temp.join("short");
  await Deno.writeFile(path, GZIP.blob.slice(0, 1000));
  const fail = async (more: Partial<LayerJobInput>) => {
    const job = pool.run(layerJob, { ...streamInput(GZIP), ...more }, {
      stream: inPieces(GZIP.blob, 1e5),
    });
    const { code, details } = await assertRejects(() => job, VarveError);
    return [code, details.errno];
  };
  const length = GZIP.blob.length;
  const file = { kind: "file", offset: 0, length } as const;
  assertEquals(await fail({ source: { ...file, path } }), ["E_TRUNCATED", undefined]);
  assertEquals(await fail({ source: { ...file, path: temp.join("none") } }), [
    "E_SYSCALL",
    "ENOENT",
  ]);
  assertEquals(await fail({ source: { ...file, path: temp.path } }), ["E_SYSCALL", "EISDIR"]);
  for (const name of ["layer.tar", "blob"]) {
    const directory = await Deno.makeTempDir({ dir: temp.path });
    await Deno.writeTextFile(`${directory}/${name}`, "mine");
    assertEquals(await fail({ target: filesIn(directory) }), ["E_SYSCALL", "EEXIST"]);
    assertEquals(await Deno.readTextFile(`${directory}/${name}`), "mine");
  }
});

Deno.test({
  name: "a full disk ends the job at once",
  ...needs({ mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    await run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", temp.path]);
    for (const inline of [true, false]) {
      await using pool = createPool({ workers: 1, inline });
      const directory = temp.join(String(inline));
      await Deno.mkdir(directory);
      const input = { ...streamInput(PLAIN), target: filesIn(directory) };
      const job = pool.run(layerJob, input, { stream: inPieces(PLAIN.blob, 100_000) });
      const { code, details } = await assertRejects(() => job, VarveError);
      assertEquals([code, details.errno], ["E_SYSCALL", "ENOSPC"]);
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("a file source reads its part of the file", async () => {
  await using temp = await tempDir();
  await using pool = createPool({ inline: true });
  const layer = PLAIN;
  const path = temp.join("archive");
  await Deno.writeFile(path, concat([new Uint8Array(1000).fill(9), layer.blob]));
  const source = { kind: "file", path, offset: 1000, length: layer.blob.length } as const;
  const input: LayerJobInput = { ...streamInput(layer), source, expected: expectedOf(layer) };
  assertEquals((await pool.run(layerJob, input)).digest, layer.digest);
  // One byte off: the digest fails first, not the tar header.
  const job = pool.run(layerJob, { ...input, source: { ...source, offset: 999 } });
  assertEquals((await assertRejects(() => job, VarveError)).code, "E_DIGEST");
});
