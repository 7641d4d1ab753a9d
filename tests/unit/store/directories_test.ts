import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { requireDisk } from "../../../lib/store/internal.ts";
import {
  type Directories,
  openMemoryStore,
  openStore,
  type Store,
} from "../../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../../conformance/store_judge.ts";
import { bringLayer, sampleLayer, TAR_LAYER } from "../../conformance/store_layers.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { snapshotFacts } from "../../support/snapshots/snapshot_facts.ts";
import "../../support/machine/needs.ts";

const LAYER = sampleLayer(1);

async function withStore(
  fn: (store: Store, directories: Directories) => Promise<void>,
): Promise<void> {
  await using temp = await tempDir();
  {
    await using store = await openStore({ root: temp.path });
    await using ingest = await store.ingest();
    await bringLayer(ingest, LAYER);
    ingest.chain([LAYER.diffId]);
    await ingest.commit();
    await fn(store, store.directories);
    await judgeStore(store);
  }
  await judgeIdle(temp.path);
}

Deno.test("a layer's directory has its tar, its tree and its marker", () =>
  withStore(async (store, directories) => {
    const directory = directories.layer(LAYER.diffId);
    assertEquals(directory, `${store.root}/layers/1`);
    assertEquals(await Deno.readFile(directories.layerTar(LAYER.diffId)), LAYER.tar);
    const tree = directories.layerTree(LAYER.diffId);
    assertEquals(await Deno.readFile(tree.path), LAYER.tree);
    assertEquals(tree.sum, sha256(LAYER.tree));
    const marker = await Deno.readTextFile(`${directory}/marker`);
    assert(marker.startsWith("varve-marker 3\n"), marker);
    assertEquals(JSON.parse(marker.slice(15)), {
      id: 1,
      kind: "layer",
      diffID: LAYER.diffId,
      size: LAYER.tar.length,
      treeDigest: LAYER.treeDigest,
      treeSize: LAYER.tree.length,
      treeSum: sha256(LAYER.tree),
      entries: 1,
      dirtyPadding: false,
      names: [],
      blobs: [{ digest: LAYER.diffId, size: LAYER.tar.length, mediaType: TAR_LAYER }],
    });
    const tar = await Deno.stat(directories.layerTar(LAYER.diffId));
    const blob = await Deno.stat(`${store.root}/content/blobs/sha256/${LAYER.diffId.slice(7)}`);
    assertEquals([blob.ino, blob.nlink], [tar.ino, 2]);
  }));

for (const owner of [{ diffId: LAYER.diffId }, { chainId: LAYER.diffId as never }]) {
  const [kind] = Object.keys(owner);
  Deno.test(`a directory of a ${kind} is made once`, () =>
    withStore(async (store, directories) => {
      let made = 0;
      const make = async (path: string) => {
        made++;
        await Deno.mkdir(`${path}/sub`);
        await Deno.writeTextFile(`${path}/sub/file`, "x");
        assertEquals(directories.mounts, `${store.root}/mounts`);
      };
      const paths = await Promise.all([1, 2, 3].map(() => directories.ensure(owner, "fs", make)));
      paths.push(await directories.ensure(owner, "fs", make));
      assertEquals([new Set(paths).size, made], [1, 1]);
      assertEquals(await Deno.readTextFile(`${paths[0]}/sub/file`), "x");
      const [a, b] = await Promise.all(["x", "y"].map((n) => directories.ensure(owner, n, make)));
      assertEquals([made, a?.slice(0, -1)], [3, b?.slice(0, -1)]);
      assertEquals(a?.slice(0, -1), paths[0]?.slice(0, -2));
    }));

  Deno.test(`a directory of a ${kind} that cannot be made leaves nothing`, () =>
    withStore(async (store, directories) => {
      const failing = () => Promise.reject(new EvalError("no"));
      await assertRejects(() => directories.ensure(owner, "fs", failing), EvalError);
      const abort = new AbortController();
      const reason = { why: "enough" };
      let started = () => {};
      const running = new Promise<void>((resolve) => started = resolve);
      let release = () => {};
      const slow = directories.ensure(owner, "fs", () => {
        started();
        return new Promise((resolve) => release = resolve);
      });
      await running;
      const waiting = directories.ensure(owner, "fs", failing, { signal: abort.signal });
      abort.abort(reason);
      assertStrictEquals(await waiting.catch((error) => error), reason);
      release();
      assert((await slow).startsWith(store.root as string));
    }));
}

Deno.test("a chain's directory that was removed by hand is made again, also by several callers at once", () =>
  withStore(async (store, directories) => {
    const owner = { chainId: LAYER.diffId as never };
    const make = (path: string) => Deno.writeTextFile(`${path}/file`, "x");
    let last = await directories.ensure(owner, "fs", make);
    // Many callers, many times: the order in which they look and write is by chance.
    const names = ["fs", ...Array.from({ length: 15 }, (_, i) => `other-${i}`)];
    for (let round = 0; round < 30; round++) {
      await Deno.remove(last.slice(0, -"/fs".length), { recursive: true });
      const paths = await Promise.all(names.map((name) => directories.ensure(owner, name, make)));
      for (const path of paths) assertEquals(await Deno.readTextFile(`${path}/file`), "x");
      const { cacheId } = store.chains.get(owner.chainId) ?? {};
      assertEquals(paths, names.map((name) => `${store.root}/chains/${cacheId}/${name}`));
      assert(paths[0] !== last);
      last = paths[0] as string;
    }
  }));

Deno.test("reserved and malformed names of directories are refused", () =>
  withStore(async (_, directories) => {
    const make = () => Promise.resolve();
    for (const name of ["", ".", "..", "../x", "a/b", "marker", "tree", "layer.tar", "blob", "A"]) {
      await assertRejects(
        () => directories.ensure({ diffId: LAYER.diffId }, name, make),
        RangeError,
      );
    }
    const absent = sampleLayer(2).diffId;
    for (const owner of [{ diffId: absent }, { chainId: absent as never }]) {
      const error = await assertRejects(() => directories.ensure(owner, "fs", make), VarveError);
      assertEquals(error.code, "E_NOT_FOUND");
    }
  }));

Deno.test("a snapshot's directory is new and empty, and its id is never used again", () =>
  withStore(async (store, directories) => {
    const keys = ["../x", "key\nwith lines", "k"];
    const made = [];
    for (const key of keys) made.push(await directories.createSnapshot(snapshotFacts(key)));
    const ids = made.map(({ cacheId }) => cacheId);
    assertEquals(new Set(ids).size, 3);
    for (const [i, { cacheId, path }] of made.entries()) {
      assertEquals(path, `${store.root}/snapshots/${cacheId}`);
      assertEquals(directories.snapshot(cacheId), path);
      assertEquals(await Array.fromAsync(Deno.readDir(path), (entry) => entry.name), ["marker"]);
      const marker = JSON.parse((await Deno.readTextFile(`${path}/marker`)).slice(15));
      assertEquals([marker.id, marker.kind, marker.key], [cacheId, "snapshot", keys[i]]);
      await Deno.mkdir(`${path}/fs/deep`, { recursive: true });
      await directories.removeSnapshot(cacheId);
      await directories.removeSnapshot(cacheId);
    }
    const { cacheId, path } = await directories.createSnapshot(snapshotFacts("k"));
    assert(cacheId > Math.max(...ids));
    await directories.removeSnapshot(cacheId);
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    for (const id of [0, -1, 1.5, NaN]) {
      await assertRejects(() => directories.removeSnapshot(id), RangeError);
    }
  }));

Deno.test("each scratch directory is new, and is removed when the store closes", () =>
  withStore(async (store, directories) => {
    const [first, second] = [await directories.scratch(), await directories.scratch()];
    assert(first !== second && first.startsWith(`${store.root}/ingest/`), first);
    assertEquals(((await Deno.stat(first)).mode ?? 0) & 0o777, 0o700);
    await Deno.writeTextFile(`${first}/left`, "x");
    await Deno.remove(second);
  }));

Deno.test("a store without directories is refused where files are needed", async () => {
  await using memory = openMemoryStore();
  const error = assertThrows(() => requireDisk(memory, "unpack"), VarveError);
  assertEquals(error.code, "E_UNSUPPORTED");
  assertEquals(error.message, "Cannot unpack: the store has no directories");
  await using temp = await tempDir();
  await using disk = await openStore({ root: temp.path });
  assertStrictEquals(requireDisk(disk, "unpack"), disk);
});
