import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { CWD, openDirectoryAt, ownFd, performMount } from "../../../lib/linux/mod.ts";
import { unpackImage, type UnpackOptions, type UnpackRemains } from "../../../lib/mount/mod.ts";
import type { Pool } from "../../../lib/pool/mod.ts";
import type { StoredImage } from "../../../lib/store/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { flipByte } from "../../support/images/flip_byte.ts";
import { listing } from "../../support/extraction/arena.ts";
import { needs } from "../../support/machine/needs.ts";
import { runAsNobody } from "../../support/machine/run_as_nobody.ts";
import {
  bringChain,
  bringImage,
  type FixtureOptions,
  type LayerFixture,
  type SnapshotFixture,
  snapshotFixture,
  TMPFS,
} from "../../support/snapshots/snapshot_fixture.ts";
import { sorted, treeListing } from "../../support/trees/tree_listing.ts";

const LAYERS: readonly LayerFixture[] = [
  [
    { name: "d/", mode: 0o700, uid: 1 },
    { name: "d/a", content: "a" },
    { name: "d/b", type: "hardlink", target: "d/a" },
    { name: "gone" },
  ],
  [{ name: ".wh.gone" }, { name: "d/c", content: "c" }],
];

interface Case extends SnapshotFixture {
  readonly image: StoredImage;
  unpack(target: string, options?: UnpackOptions): Promise<string>;
  /** Names in the directory of the target. */
  names(): string[];
}

/** Registers a test over an image. */
function test(
  name: string,
  fn: (one: Case) => Promise<void>,
  options: FixtureOptions & { readonly layers?: readonly LayerFixture[] } = {},
): void {
  Deno.test({
    name,
    ...needs({ root: true }),
    async fn() {
      await using fixture = await snapshotFixture("native", options);
      const { store, pool, temp } = fixture;
      const image = await bringImage(store, pool, "example.org/a:1", options.layers ?? LAYERS);
      await fn({
        ...fixture,
        image,
        unpack: (target, more) =>
          codeOf(() => unpackImage(store, image, temp.join(target), { pool, ...more })),
        names: () =>
          [...Deno.readDirSync(temp.path)].map((entry) => entry.name).filter((n) => n !== "store")
            .sort(),
      });
    },
  });
}

async function rootListing({ store, image }: Case): Promise<Map<string, string>> {
  const trees = image.layers.map(({ diffId }) => store.layers.tree(diffId));
  return treeListing(foldLayers(await Promise.all(trees)), true);
}

/** So many entries that the work is split between workers. */
const MANY: LayerFixture = Array.from(
  { length: 2500 },
  (_, i) => ({ name: `many/${i % 7}/${i}`, content: `${i}`, mode: 0o600 + i % 64 }),
);

for (const workers of [0, 2]) {
  test(`an image becomes plain files, with ${workers} workers`, async (one) => {
    const written: number[] = [];
    const onProgress = (bytes: number) => void written.push(bytes);
    assertEquals(await one.unpack("out", { onProgress }), "ok");
    assertEquals(sorted(listing(one.temp.join("out"))), await rootListing(one));
    assertEquals(one.names(), ["out"]);
    assert(written.every((bytes, i) => bytes >= (written[i - 1] ?? 0)));
  }, workers === 0 ? { durability: "full" } : { workers, layers: [...LAYERS, MANY] });
}

for (const workers of [0, 2]) {
  const layers = [...LAYERS, MANY];
  test(`a flipped bit in a layer fails the unpack, with ${workers} workers`, async (one) => {
    const { store, pool, image } = one;
    for (const { diffId } of image.layers.slice(1)) {
      // In both layers each entry is a header and at most one block of content. The second has an empty whiteout first.
      const tar = store.directories.layerTar(diffId);
      const blocks = Math.floor((await Deno.stat(tar)).size / 2 / 1024) * 2;
      await flipByte(tar, 512 * (diffId === image.layers[1]?.diffId ? 2 : blocks + 1));
      assertEquals(await one.unpack("out"), "E_DIGEST");
      assertEquals(one.names(), []);
      assertEquals(store.layers.get(diffId)?.verifiedAt, 0);
      await bringChain(store, pool, layers);
      assertEquals(await one.unpack("out"), "ok");
      assertEquals(sorted(listing(one.temp.join("out"))), await rootListing(one));
      await Deno.remove(one.temp.join("out"), { recursive: true });
    }
  }, workers === 0 ? { layers } : { workers, layers });
}

test("an empty directory is replaced; nothing else is", async (one) => {
  const at = (name: string) => one.temp.join(name);
  await Deno.mkdir(at("empty"), { mode: 0o777 });
  assertEquals(await one.unpack("empty/"), "ok");
  assertEquals(sorted(listing(at("empty"))), await rootListing(one));
  await Deno.mkdir(at("full/x"), { recursive: true });
  await Deno.writeTextFile(at("file"), "");
  await Deno.symlink("empty", at("link"));
  for (const target of ["full", "file", "link", "empty"]) {
    assertEquals([target, await one.unpack(target)], [target, "E_EXISTS"]);
  }
  for (const target of ["absent/x", "file/x"]) {
    assertEquals([target, await one.unpack(target)], [target, "E_NOT_FOUND"]);
  }
  for (const target of ["x/..", ".", "a\0"]) {
    assertEquals([target, await one.unpack(target)], [target, "E_USAGE"]);
  }
  assertEquals(one.names(), ["empty", "file", "full", "link"]);
});

test("nothing is unpacked into the store", async (one) => {
  await Deno.symlink(one.temp.join("store"), one.temp.join("link"));
  for (const target of ["store/x", "store/layers/x", "link/x"]) {
    assertEquals([target, await one.unpack(target)], [target, "E_USAGE"]);
  }
  assertEquals(await one.unpack("store-2"), "ok");
});

test("what an interrupted run left is replaced; what is in use is not", async (one) => {
  assertEquals(await one.unpack("out"), "ok");
  const { temp, store, pool, image } = one;
  let partial = "";
  const onProgress = () => {
    partial = one.names().find((name) => name.startsWith(".")) ?? "";
  };
  assertEquals(await one.unpack("again", { onProgress }), "ok");
  assert(partial.length > 10);
  await Deno.mkdir(temp.join(partial, "left", "over"), { recursive: true });
  {
    using left = ownFd(openDirectoryAt(CWD, fromText(temp.join(partial))));
    assert(left.lock("exclusive"));
    await Deno.remove(temp.join("again"), { recursive: true });
    assertEquals(await one.unpack("again"), "E_BUSY");
    assertEquals(one.names(), [partial, "out"]);
  }
  await unpackImage(store, image, temp.join("again"), { pool });
  assertEquals(sorted(listing(temp.join("again"))), await rootListing(one));
  await Deno.remove(temp.join("again"), { recursive: true });
  await Deno.symlink("out", temp.join(partial));
  assertEquals(await one.unpack("again"), "ok");
  assertEquals(sorted(listing(temp.join("out"))), await rootListing(one));
  assertEquals(one.names(), ["again", "out"]);
});

test("an image is unpacked by its name, without a pool; an abort leaves nothing", async (one) => {
  const { store, temp } = one;
  const { files } = await unpackImage(store, "example.org/a:1", temp.join("out"));
  assert(files > 0);
  const late = new AbortController(), reason = { why: "enough" };
  const unpacking = unpackImage(store, one.image, temp.join("late"), {
    signal: late.signal,
    onProgress: () => late.abort(reason),
  });
  assertStrictEquals(await unpacking.catch((error) => error), reason);
  assertEquals(one.names(), ["out"]);
});

test("a name as long as names can be", async (one) => {
  const name = "n".repeat(255);
  assertEquals(await one.unpack(name), "ok");
  assertEquals(one.names(), [name]);
});

test("a failure leaves nothing, and an abort rejects with the signal's reason", async (one) => {
  const { store, pool, image, temp } = one;
  const target = temp.join("out");
  const reason = { why: "enough" };
  const late = new AbortController();
  const onProgress = () => late.abort(reason);
  for (const signal of [AbortSignal.abort(reason), late.signal]) {
    const unpacking = unpackImage(store, image, target, { pool, signal, onProgress });
    assertStrictEquals(await unpacking.catch((error) => error), reason);
    assertEquals(one.names(), []);
  }
  const [layer] = image.layers;
  const tar = store.directories?.layerTar(layer?.diffId as never) as string;
  await Deno.chmod(tar, 0o600);
  await Deno.truncate(tar, 100);
  assertEquals(await one.unpack("out"), "E_DAMAGE");
  assertEquals(one.names(), []);
});

test(
  "an abort answers while the pool still removes what was written, and names that",
  async (one) => {
    const { store, image, temp } = one;
    const controller = new AbortController(), reason = { why: "enough" };
    const mayRemove = Promise.withResolvers<void>();
    const pool: Pool = {
      ...one.pool,
      async run(job, input, options) {
        if (job.name === "remove") await mayRemove.promise;
        return await one.pool.run(job, input, options);
      },
    };
    let remains: UnpackRemains | undefined;
    const unpacked = unpackImage(store, image, temp.join("out"), {
      ...{ pool, signal: controller.signal },
      onProgress: () => controller.abort(reason),
      onRemains: (value) => remains = value,
    });
    assertStrictEquals(await unpacked.catch((error) => error), reason);
    const [partial = ""] = one.names();
    assertEquals([one.names(), remains?.path], [[partial], temp.join(partial)]);
    assert(partial.startsWith(".varve-unpack-"));
    // It is still locked.
    assertEquals(await one.unpack("out"), "E_BUSY");
    mayRemove.resolve();
    await remains?.removed;
    assertEquals(one.names(), []);
    assertEquals(await one.unpack("out"), "ok");
  },
  { workers: 2 },
);

test("what was left by one that was killed after its rename goes with the refusal", async (one) => {
  assertEquals(await one.unpack("out"), "ok");
  const left = one.temp.join(
    `.varve-unpack-${sha256(new TextEncoder().encode("out")).slice(7, 23)}`,
  );
  await Deno.mkdir(left);
  {
    using filling = ownFd(openDirectoryAt(CWD, fromText(left)));
    assert(filling.lock("exclusive"));
    assertEquals(await one.unpack("out"), "E_EXISTS");
    assertEquals(one.names().length, 2);
  }
  assertEquals(await one.unpack("out"), "E_EXISTS");
  assertEquals(one.names(), ["out"]);
});

Deno.test({
  name: "a mount point is refused",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, temp } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", LAYERS);
    await Deno.mkdir(temp.join("mnt"));
    performMount(TMPFS, fromText(temp.join("mnt")));
    const unpack = () => unpackImage(store, image, temp.join("mnt"), { pool });
    assertEquals(await codeOf(unpack), "E_BUSY");
    assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name).sort(), ["mnt", "store"]);
  },
});

Deno.test({
  name:
    "without privileges, unpack works and counts what it leaves out, and mount names it as the way out",
  ...needs({ root: true, tools: ["setpriv"] }),
  async fn() {
    const entry = new URL("../../support/snapshots/nobody_report.ts", import.meta.url);
    const { report, files, refusal, names, ...rest } = await runAsNobody(entry) as {
      report: Record<string, unknown>;
      files: Record<string, string>;
      refusal: Record<string, unknown>;
      names: string[];
    };
    assertEquals(rest as unknown, {
      user: 65534,
      driver: "native",
      overlay: "only root may mount",
      leases: 0,
      snapshots: 0,
    });
    assertEquals([refusal.code, refusal.exit], ["E_UNSUPPORTED", 9]);
    assert(/unpack/.test(String(refusal.hint)));
    assertEquals(names, ["mnt", "out", "store"]);
    const shown = Object.entries(files).map(([path, line]) =>
      `${path} ${/^\w+ \d+ \d+:\d+/.exec(line)?.[0]}`
    );
    assertEquals(shown, [
      ". directory 0755 65534:65534",
      "d directory 0500 65534:65534",
      "d/f file 4755 65534:65534",
      "d/link symlink 0777 65534:65534",
    ]);
    const dropped = report.dropped as Record<string, number>;
    assertEquals([dropped.device, report.files, report.symlinks], [1, 1, 1]);
    assert((dropped.owner ?? 0) >= 2);
  },
});
