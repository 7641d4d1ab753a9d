/** What a byte of a compressed layer may make: entries, implied directories, names and attributes. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";

import { timestamp } from "../../../lib/bytes/mod.ts";
import { type DiffId, sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { type Entry, LayerBuilder, type LayerLimits } from "../../../lib/layer/mod.ts";
import { layerJob } from "../../../lib/layer_job/internal.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { entryOf, xattr } from "../../support/images/entries.ts";
import { concat, gnuLong, header } from "../../support/tar/raw_blocks.ts";

/** A name; twenty of them, with slashes, are longer than `PATH_MAX`. */
const LONG = "d".repeat(250);
const DIFF_ID = sha256(new Uint8Array()) as DiffId;

/** What becomes of entries; the setting of the limit that they exceed. */
function verdict(
  entries: readonly Entry[],
  limits: Partial<LayerLimits>,
  blobSize: number,
  when: "begin" | "end",
): string {
  const builder = new LayerBuilder({ limits, blobSize: when === "begin" ? blobSize : undefined });
  try {
    for (const entry of entries) {
      if (builder.entry(entry)) builder.content(new Uint8Array(32).fill(1));
    }
    builder.finish(DIFF_ID, blobSize);
    return "OK";
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    assertEquals(error.code, "E_LIMIT");
    return String(error.details.setting);
  }
}

for (const when of ["begin", "end"] as const) {
  const suffix = `, known at the ${when}`;

  Deno.test(`K02: entries and implied directories for each KiB are bounded${suffix}`, () => {
    const setting = "limits.layer.entryRatio";
    // Each entry makes two directories that have no entry of their own.
    const entries = (n: number) =>
      Array.from({ length: n / 3 }, (_, i) => entryOf(`d${i}/e/f`, "fifo"));
    const limits = { entryRatio: 3, entryRatioFrom: 18 };
    const at = (n: number, blobSize: number) => verdict(entries(n), limits, blobSize, when);
    // 9 entries, and 18 implied directories that count as 4 each.
    assertEquals([at(27, 28 * 1024), at(27, 27 * 1024), at(27, 26 * 1024)], ["OK", "OK", setting]);
    const flat = (n: number) =>
      verdict(Array.from({ length: n }, (_, i) => entryOf(`f${i}`, "fifo")), limits, 10240, when);
    assertEquals([flat(29), flat(30), flat(31)], ["OK", "OK", setting]);
    // Up to entryRatioFrom, counted in the same way, nothing is checked.
    assertEquals([at(3, 1), at(6, 1), at(9, 1)], ["OK", "OK", setting]);
    assertEquals(verdict(entries(33), { entries: 32 }, 1e6, when), "limits.layer.entries");
  });

  Deno.test(`K02: bytes of names and attributes for each byte are bounded${suffix}`, () => {
    const setting = "limits.layer.metadataRatio";
    const limits = { metadataRatio: 5, metadataRatioFrom: 50 };
    const named = (n: number) => [entryOf("n".repeat(n), "fifo")];
    const valued = (
      n: number,
    ) => [entryOf("f", "file", { xattrs: [xattr("user.a", "v".repeat(n - 7))] })];
    const implying = (n: number) => [entryOf(`${"n".repeat(n - 2)}/f`, "fifo")];
    for (const make of [named, valued, implying]) {
      const at = (n: number, blobSize: number) => verdict(make(n), limits, blobSize, when);
      assertEquals([at(99, 20), at(100, 20), at(101, 20)], ["OK", "OK", setting]);
      assertEquals([at(49, 1), at(50, 1), at(51, 1)], ["OK", "OK", setting]);
    }
    assertEquals(verdict(named(33), { metadata: 32 }, 1e6, when), "limits.layer.metadata");
  });
}

Deno.test("K02: bytes of paths that are walked anew are bounded", () => {
  const setting = "limits.layer.metadataRatio";
  const limits = { metadataRatio: 5, metadataRatioFrom: 50 };
  // The parents take turns, so none is remembered. Each path has 10 bytes, and the names together fewer.
  const turns = (n: number) =>
    Array.from({ length: n }, (_, i) => entryOf(`${"ab"[i % 2]}/.//././f`, "fifo"));
  for (const when of ["begin", "end"] as const) {
    const at = (n: number) => verdict(turns(n), limits, 20, when);
    assertEquals([at(9), at(10), at(11)], ["OK", "OK", setting], when);
  }
});

Deno.test("K02: bytes of the paths of implied directories are bounded", () => {
  const setting = "limits.layer.metadataRatio";
  const limits = { metadataRatio: 5, metadataRatioFrom: 50 };
  // Three implied directories, whose paths have 2, 4 and 6 bytes with their slashes.
  const deep = (n: number) => Array.from({ length: n }, (_, i) => entryOf(`${i}/a/a/f`, "fifo"));
  for (const when of ["begin", "end"] as const) {
    const at = (n: number, size: number) => verdict(deep(n), limits, size, when);
    assertEquals([at(4, 1), at(5, 1)], ["OK", setting], when);
    assertEquals([at(8, 20), at(9, 20)], ["OK", setting], when);
  }
});

Deno.test("K02: hard links count the attributes of their inode again, sparse files their map", () => {
  const setting = "limits.layer.metadata";
  const xattrs = [xattr("user.a", "v".repeat(993))];
  // Each link changes the time of the inode, so the inode is written anew.
  const linked = (n: number, target: Entry) => [
    target,
    ...Array.from(
      { length: n },
      (_, i) => entryOf(`l${i}`, "hardlink", { linkname: target.path, mtime: timestamp(i + 1) }),
    ),
  ];
  const at = (entries: readonly Entry[]) => verdict(entries, { metadata: 10_000 }, 1e6, "end");
  const file = entryOf("f", "file", { xattrs });
  assertEquals([at(linked(8, file)), at(linked(9, file))], ["OK", setting]);
  const symlink = entryOf("s", "symlink", { linkname: "t".repeat(999) });
  assertEquals([at(linked(8, symlink)), at(linked(9, symlink))], ["OK", setting]);
  const sparse = (n: number) => {
    const size = n * 4096;
    const extents = Array.from(Array(n), (_, i) => {
      return { logical: i * 4096, length: 512, position: 512 + i * 512 };
    });
    return [entryOf("f", "file", { size, extents })];
  };
  assertEquals([at(sparse(416)), at(sparse(417))], ["OK", setting]);
});

/** A directory whose path has 5,019 bytes, and the symbolic link `l` to it. */
const FAR: readonly Entry[] = [
  ...Array.from({ length: 15 }, (_, i) => entryOf(`${LONG}/`.repeat(i + 1), "directory")),
  entryOf("k", "symlink", { linkname: `${LONG}/`.repeat(15) }),
  ...Array.from({ length: 5 }, (_, i) => entryOf(`k/${`${LONG}/`.repeat(i + 1)}`, "directory")),
  entryOf("l", "symlink", { linkname: `k/${`${LONG}/`.repeat(5)}` }),
];

Deno.test("A35: a path has its limit also with symbolic links resolved", () => {
  const at = (name: string) => {
    const builder = new LayerBuilder({ limits: { path: 5030 } });
    try {
      for (const entry of [...FAR, entryOf(`l/${name}`, "file")]) builder.entry(entry);
      builder.finish(DIFF_ID);
      return "OK";
    } catch (error) {
      return (error as VarveError).code;
    }
  };
  for (const make of [(n: number) => "f".repeat(n), (n: number) => `.wh.${"f".repeat(n - 4)}`]) {
    assertEquals([at(make(10)), at(make(11))], ["OK", "E_NAME_TOO_LONG"]);
  }
});

Deno.test("K02: bytes of paths that symbolic links make long are bounded", () => {
  const setting = "limits.layer.metadataRatio";
  const limits = { metadataRatioFrom: 200_000, metadataRatio: 1 };
  for (const name of ["", ".wh."]) {
    const at = (n: number) => {
      const files = Array.from({ length: n }, (_, i) => entryOf(`l/${name}${i}`, "file"));
      return verdict([...FAR, ...files], limits, 1, "end");
    };
    assertEquals([at(30), at(40)], ["OK", setting]);
  }
});

Deno.test("K02: 28 KB that name 5 million directories are refused", async () => {
  const blob = new Uint8Array(gzipSync(concat(...deepNames(1240)), { level: 9 }));
  assert(blob.length < 64 * 1024, `${blob.length}`);
  for (const options of [{ inline: true }, { workers: 2 }]) {
    await using pool = createPool(options);
    const run = (size: number) =>
      pool.run(layerJob, {
        source: { kind: "stream" },
        target: { kind: "memory" },
        expected: { digest: sha256(blob), size },
        halvesFrom: 0,
      }, { stream: ReadableStream.from([blob]) });
    const error = await assertRejects(() => run(blob.length), VarveError);
    assertEquals([error.code, error.details.setting], ["E_LIMIT", "limits.layer.metadataRatio"]);
  }
});

/** Names of 4,000 directories each, of which no two are the same. */
function deepNames(count: number): Uint8Array[] {
  const below = "/a".repeat(3998);
  return Array.from({ length: count }, (_, i) => [
    gnuLong("L", `${i}${below}/f`),
    header({ name: "f" }),
  ]).flat();
}
