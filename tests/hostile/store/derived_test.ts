/**
 * What drivers derive from layers follows its source: after a layer, a tree, an image or a directory was damaged and
 * made whole, a new mount shows the right bytes, whatever is still mounted.
 */
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { escapeForTerminal, fromText } from "../../../lib/bytes/mod.ts";
import { readImageInfo, writeImageInfo } from "../../../lib/compose/image_info.ts";
import { type DiffId, sha256 } from "../../../lib/digest/mod.ts";
import { readMountInfo } from "../../../lib/linux/mod.ts";
import { staleMounts } from "../../../lib/snapshot/internal.ts";
import type { DriverName } from "../../../lib/snapshot/mod.ts";
import { checkStore, repairStore } from "../../../lib/upkeep/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { listing } from "../../support/extraction/arena.ts";
import { flipByte } from "../../support/images/flip_byte.ts";
import { needs } from "../../support/machine/needs.ts";
import {
  DRIVER_NAMES,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const CONTENT = "content of a file ".repeat(400);

/** The directory of the second layer is implied, so that the overlay driver needs attributes for it. */
const LAYERS = [
  [{ name: "d/", mode: 0o700 }, { name: "d/lower", content: CONTENT }],
  [{ name: "d/upper", content: CONTENT }],
];

interface Case extends SnapshotFixture {
  readonly driverName: DriverName;
  readonly parent: string;
  readonly diffIds: readonly DiffId[];
  /** Makes a view and mounts it. */
  view(key: string): Promise<{ readonly path: string } & AsyncDisposable>;
  /** Loads the layers again. */
  load(): Promise<void>;
  /** Paths of what was derived, relative to the store. */
  derived(): string[];
}

function test(name: string, fn: (one: Case) => Promise<void>, drivers = DRIVER_NAMES): void {
  for (const driverName of drivers) {
    Deno.test({
      name: `${driverName}: ${name}`,
      ...needs({ root: true, mount: true, kernel: "6.12" }),
      async fn() {
        await using fixture = await snapshotFixture(driverName);
        const { snapshotter, store } = fixture;
        const { chainId, diffIds } = await fixture.chain(LAYERS);
        const parent = snapshotter.ensureChain(chainId);
        await fn({
          ...fixture,
          driverName,
          parent,
          diffIds,
          view: async (key) => await fixture.mount(await snapshotter.view(key, parent)),
          load: async () => void await fixture.chain(LAYERS),
          derived: () =>
            ["layers", "chains"].flatMap((home) =>
              namesIn(`${store.root}/${home}`).flatMap((id) =>
                namesIn(`${store.root}/${home}/${id}`)
                  .filter((name) => /^(fs|attributes|erofs)/.test(name))
                  .map((name) => `${home}/${id}/${name}`)
              )
            ).sort(),
        });
      },
    });
  }
}

/** Checks that a mount shows the right files. */
async function judge(path: string): Promise<void> {
  assertEquals([...listing(path).keys()].sort(), [".", "d", "d/lower", "d/upper"]);
  for (const name of ["lower", "upper"]) {
    assert(await Deno.readTextFile(`${path}/d/${name}`) === CONTENT, `${name} has other bytes`);
  }
  assertEquals((await Deno.stat(`${path}/d`)).mode! & 0o777, 0o700);
}

/** Flips a bit in each file of extracted directories. */
async function damageFiles({ store }: Case, directories: readonly string[]): Promise<void> {
  for (const path of directories) {
    if (path.endsWith("erofs")) continue;
    for (const name of namesIn(`${store.root}/${path}/d`)) {
      await flipByte(`${store.root}/${path}/d/${name}`);
    }
  }
}

const shown = ({ store }: Case) => staleMounts(store).map(escapeForTerminal);

test("a new mount shows the right bytes after a load repaired a layer", async (one) => {
  const { store, diffIds } = one;
  {
    await using first = await one.view("first");
    const before = one.derived();
    const damaged = new Set<string>();
    const [lower, upper] = diffIds as [DiffId, DiffId];
    for (const [round, diffId] of [lower, upper, lower].entries()) {
      const tar = store.directories.layerTar(diffId);
      const right = await Deno.readFile(tar);
      // Behind the headers: in the content of the file.
      await flipByte(tar, 2000);
      // As if the directory was extracted from the damaged tar.
      const home = tar.slice(store.root.length + 1, -"layer.tar".length);
      const made = one.derived().filter((path) =>
        path.startsWith(one.driverName === "overlay" ? home : "chains/") && !damaged.has(path)
      );
      await damageFiles(one, made);
      for (const path of made) damaged.add(path);
      store.directories.noteDamage(diffId);
      await one.load();
      assertEquals(await Deno.readFile(store.directories.layerTar(diffId)), right);
      await using next = await one.view(`next ${round}`);
      await judge(next.path);
      // A mount shows what it was made of.
      assert(await Deno.readTextFile(`${first.path}/d/lower`) !== CONTENT);
      assertEquals(shown(one), [first.path]);
      await using again = await one.mount(await one.reopen().mounts(`next ${round}`));
      await judge(again.path);
    }
    for (const path of before) assert((await Deno.stat(`${store.root}/${path}`)).isDirectory);
  }
  assertEquals(shown(one), []);
  await using again = await one.mount(await one.reopen().mounts("first"));
  await judge(again.path);
});

test("a new mount shows the right bytes when a repair of a layer died halfway", async (one) => {
  const { store, diffIds } = one;
  await using first = await one.view("first");
  const tar = store.directories.layerTar(diffIds[0] as DiffId);
  const right = await Deno.readFile(tar);
  await flipByte(tar, 2000);
  const home = tar.slice(store.root.length + 1, -"layer.tar".length);
  await damageFiles(
    one,
    one.derived().filter((path) => path.startsWith("chains/") || path.startsWith(home)),
  );
  store.directories.noteDamage(diffIds[0] as DiffId);
  // As a repair leaves it that is killed when the tar has its name.
  await Deno.writeFile(`${tar}.new`, right, { mode: 0o444 });
  await Deno.rename(`${tar}.new`, tar);
  const { left } = await repairStore(store);
  assertEquals(left, []);
  await using next = await one.view("next");
  await judge(next.path);
  assertEquals(shown(one), [first.path]);
});

test("a damaged tar is not extracted, and a load repairs it", async (one) => {
  const { store, snapshotter, parent, diffIds } = one;
  await flipByte(store.directories.layerTar(diffIds[0] as DiffId), 2000);
  const before = one.derived();
  for (const key of ["a", "b"]) {
    assertEquals(await codeOf(() => snapshotter.view(key, parent)), "E_DIGEST");
  }
  assertEquals(await codeOf(() => snapshotter.prepare("c", parent)), "E_DIGEST");
  assertEquals(store.layers.get(diffIds[0] as DiffId)?.verifiedAt, 0);
  // The other layer may have been extracted.
  assertEquals(one.derived().filter((path) => path.startsWith("layers/1/")), before);
  assertEquals(namesIn(`${store.root}/snapshots`), []);
  await one.load();
  await using view = await one.view("a");
  await judge(view.path);
}, ["overlay", "native"]);

test("a damaged tree is told, and a load repairs it", async (one) => {
  const { store, snapshotter, parent, diffIds } = one;
  for (const diffId of diffIds) {
    await flipByte(store.directories.layerTree(diffId).path);
    store.directories.treeDamage(diffId);
    assertEquals(await codeOf(() => snapshotter.view("v", parent)), "E_DAMAGE");
    await one.load();
  }
  await using view = await one.view("v");
  await judge(view.path);
});

test("what is outdated is made again, and named while it is mounted", async (one) => {
  const { store, parent, diffIds } = one;
  await using first = await one.view("first");
  const before = one.derived();
  await damageFiles(one, before);
  for (const path of before) {
    const [home, , name] = path.split("/");
    if (name === "attributes") continue;
    await store.directories.outdate(
      home === "layers"
        ? { diffId: diffIds[path.startsWith("layers/1/") ? 0 : 1] as DiffId }
        : { chainId: store.chains.list().find(({ cacheId }) => cacheId !== null)!.chainId },
    );
  }
  assertEquals(shown(one), [first.path]);
  await using next = await one.view("next");
  await judge(next.path);
  assertEquals(shown(one), [first.path]);
  assert(parent.length > 0 && one.derived().length > before.length);
}, ["overlay", "native"]);

const IMAGES: Readonly<Record<string, (image: string) => Promise<void>>> = {
  "in the middle": (image) => flipByte(image),
  // The kernel refuses what begins otherwise.
  "in the superblock": (image) => flipByte(image, 1024),
  "at the end": async (image) => flipByte(image, (await Deno.stat(image)).size - 1),
};

for (const [where, damage] of Object.entries(IMAGES)) {
  test(`a flipped bit ${where} of a composed image is found before it is mounted`, async (one) => {
    const { store, snapshotter, jobs } = one;
    await one.view("first").then((view) => view[Symbol.asyncDispose]());
    const [erofs = ""] = one.derived();
    await snapshotter.remove("first");
    await damage(`${store.root}/${erofs}/image`);
    jobs.length = 0;
    {
      await using next = await one.view("next");
      await judge(next.path);
    }
    assertEquals(jobs, ["compose"]);
    await snapshotter.remove("next");
    await using last = await one.view("last");
    await judge(last.path);
    assertEquals(jobs, ["compose"]);
  }, ["erofs"]);
}

test("an image that the kernel refuses is composed again, once", async (one) => {
  const { store, snapshotter, jobs } = one;
  await snapshotter.view("first", one.parent);
  const [erofs = ""] = one.derived();
  const directory = `${store.root}/${erofs}`;
  await snapshotter.remove("first");
  await flipByte(`${directory}/image`, 1024);
  // As if a writer had made it so: the description has the digest of these bytes.
  const info = readImageInfo(directory);
  await Deno.remove(`${directory}/image.json`);
  writeImageInfo(directory, { ...info, digest: sha256(await Deno.readFile(`${directory}/image`)) });
  jobs.length = 0;
  await using view = await one.view("next");
  await judge(view.path);
  assertEquals(jobs, ["compose"]);
}, ["erofs"]);

test("a flipped bit of a shared image is not shared again", async (one) => {
  const { store, snapshotter } = one;
  const other = snapshotter.ensureChain((await one.chain([...LAYERS, []])).chainId);
  await snapshotter.view("1", one.parent);
  await snapshotter.view("2", other);
  const [erofs = "", twin = ""] = one.derived();
  const inode = (path: string) => Deno.statSync(`${store.root}/${path}/image`).ino;
  assertEquals(inode(erofs), inode(twin));
  for (const key of ["1", "2"]) await snapshotter.remove(key);
  await flipByte(`${store.root}/${erofs}/image`);
  for (const [key, parent] of [["3", one.parent], ["4", other]] as const) {
    await using view = await one.mount(await snapshotter.view(key, parent));
    await judge(view.path);
  }
  assertEquals(inode(erofs), inode(twin));
}, ["erofs"]);

test("every flipped bit of image.json is found", async (one) => {
  const { store, snapshotter, jobs } = one;
  await snapshotter.view("first", one.parent);
  const [erofs = ""] = one.derived();
  const path = `${store.root}/${erofs}/image.json`;
  const { size } = await Deno.stat(path);
  await snapshotter.remove("first");
  for (let at = 0; at < size; at += 7) {
    await flipByte(path, at);
    jobs.length = 0;
    const key = `view ${at}`;
    {
      await using view = await one.view(key);
      await judge(view.path);
    }
    assertEquals([at, jobs], [at, ["compose"]]);
    await snapshotter.remove(key);
  }
}, ["erofs"]);

test("an image of another version of the writer, or of none, is composed again", async (one) => {
  const { store, snapshotter, jobs } = one;
  await snapshotter.view("first", one.parent);
  const [erofs = ""] = one.derived();
  const path = `${store.root}/${erofs}/image.json`;
  await snapshotter.remove("first");
  const right = JSON.parse(await Deno.readTextFile(path));
  assertEquals(right.version, 1);
  const { version: _, generation: __, check: ___, ...old } = right;
  for (const text of [JSON.stringify(old), JSON.stringify({ ...right, version: 2 })]) {
    await Deno.remove(path);
    await Deno.writeTextFile(path, text);
    jobs.length = 0;
    await using view = await one.view("next");
    await judge(view.path);
    assertEquals(jobs, ["compose"]);
    assertEquals(JSON.parse(await Deno.readTextFile(path)), right);
    await snapshotter.remove("next");
  }
}, ["erofs"]);

test("a lower of an old varve, whose name has no hash, is unmounted", async (one) => {
  const { store, snapshotter } = one;
  await Deno.mkdir(`${store.root}/mounts/erofs-77`);
  await snapshotter.view("first", one.parent);
  await snapshotter.remove("first");
  assertEquals(namesIn(`${store.root}/mounts`), []);
  const root = fromText(store.root);
  assertEquals(readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(root)), []);
}, ["erofs"]);

/** Gives the file of a layer's tree another version, as if another varve had written it. */
async function makeOther({ store }: Case, diffId: DiffId): Promise<string> {
  const { path } = store.directories.layerTree(diffId);
  const bytes = await Deno.readFile(path);
  bytes[8] = 77;
  await Deno.remove(path);
  await Deno.writeFile(path, bytes, { mode: 0o444 });
  using db = new DatabaseSync(`${store.root}/meta.db`);
  db.prepare("UPDATE layer SET tree_sum = ? WHERE diff_id = ?").run(sha256(bytes), diffId);
  return path;
}

test("a tree of another version is derived again when it is used", async (one) => {
  const { store, snapshotter, diffIds } = one;
  const rights = await Promise.all(
    diffIds.map((diffId) => Deno.readFile(store.directories.layerTree(diffId).path)),
  );
  const uses: Readonly<Record<string, () => Promise<unknown>>> = {
    mount: async () => {
      await using view = await one.view("v");
      await judge(view.path);
    },
    "look at": () => Promise.all(diffIds.map((diffId) => store.layers.tree(diffId))),
  };
  for (const [name, use] of Object.entries(uses)) {
    for (const diffId of diffIds) await makeOther(one, diffId);
    // It is no damage. The markers still say what the trees were.
    const findings = await checkStore(store, { deep: true, pool: one.pool });
    assertEquals(findings.filter(({ kind }) => kind !== "marker"), []);
    await use();
    for (const [i, diffId] of diffIds.entries()) {
      const { path, sum } = store.directories.layerTree(diffId);
      assertEquals([name, await Deno.readFile(path)], [name, rights[i]]);
      assertEquals(sum, sha256(rights[i] as Uint8Array));
      assert((store.layers.get(diffId)?.verifiedAt ?? 0) > 0);
    }
  }
  await snapshotter.remove("v");
  // Nothing is derived again from what is right.
  const used = one.derived();
  await uses["mount"]?.();
  await snapshotter.remove("v");
  await uses["mount"]?.();
  assertEquals(namesIn(`${store.root}/trash`), []);
  assert(one.derived().length >= used.length);
});

test(
  "a tree of another version over a damaged tar is damage, which a load repairs",
  async (one) => {
    const { store, diffIds } = one;
    const [diffId] = diffIds as [DiffId];
    await flipByte(store.directories.layerTar(diffId), 2000);
    await makeOther(one, diffId);
    for (let i = 0; i < 2; i++) {
      assertEquals(await codeOf(() => store.layers.tree(diffId)), "E_DAMAGE");
      assertEquals(store.layers.get(diffId)?.verifiedAt, 0);
    }
    await one.load();
    assertEquals((await store.layers.tree(diffId)).count, 2);
  },
  ["native"],
);
