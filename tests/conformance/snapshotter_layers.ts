import { assertEquals } from "@std/assert";
import { foldLayers } from "../../lib/layer/mod.ts";
import { createSnapshotter, type DriverName, selectDriver } from "../../lib/snapshot/mod.ts";
import { codeOf } from "../support/code_of.ts";
import { listing } from "../support/extraction/arena.ts";
import {
  type Chain,
  DRIVER_NAMES,
  type LayerFixture,
  type SnapshotFixture,
} from "../support/snapshots/snapshot_fixture.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";
import { namesIn } from "../support/trees/names_in.ts";
import { sorted, treeListing, withoutLinks } from "../support/trees/tree_listing.ts";
import type { SnapshotterTest } from "./snapshotter.ts";

/** What is no directory, as an entry `x`. */
const NO_DIRECTORIES: Readonly<Record<string, TarFixture>> = {
  "a file": { name: "x", content: "old", mode: 0o600 },
  "a device": { name: "x", type: "char", major: 1, minor: 3 },
  "a pipe": { name: "x", type: "fifo" },
};

/** What a snapshotter promises about layers of the store. */
export function layersConformance(test: SnapshotterTest, driver: DriverName): void {
  const equalsTree = async (fixture: SnapshotFixture, { chainId, diffIds }: Chain) => {
    const { snapshotter, store } = fixture;
    const trees = await Promise.all(diffIds.map((diffId) => store.layers.tree(diffId)));
    const native = driver === "native";
    const parent = snapshotter.ensureChain(chainId);
    for (const kind of ["view", "prepare"] as const) {
      await using mounted = await fixture.mount(await snapshotter[kind](kind, parent));
      const shown = listing(mounted.path);
      assertEquals(
        sorted(native ? shown : withoutLinks(shown)),
        treeListing(foldLayers(trees), native),
      );
      await snapshotter.remove(kind);
    }
  };
  const shows = (title: string, layers: readonly LayerFixture[]) =>
    test(title, async (fixture) => await equalsTree(fixture, await fixture.chain(layers)));

  shows("the root's mode, owner, times and attributes come from `./`", [
    [{ name: "./", type: "dir", mode: 0o711, uid: 3, mtime: "12.345678901" }, { name: "a" }],
    [{ name: "b" }],
  ]);
  shows("an image without `./` has a root of mode 0755", [[{ name: "a" }]]);
  shows("implied directories keep the attributes from below", [
    [{ name: "d/", mode: 0o700, uid: 1, mtime: 5 }, {
      name: "d/e/",
      mode: 0o711,
      gid: 2,
      mtime: 6,
    }],
    [{ name: "d/e/f" }],
    [{ name: "d/g" }],
  ]);
  shows("A38: an implied directory over a link has what the link leads to", [
    [{ name: "usr/lib/", mode: 0o701, uid: 4 }, { name: "lib", target: "usr/lib" }],
    [{ name: "lib/x", content: "x" }],
  ]);
  // umoci and containerd refuse such a layer: see tests/golden/differences.md.
  for (const [what, lower] of Object.entries(NO_DIRECTORIES)) {
    shows(`K05: a directory takes the place of ${what}, for an entry below it`, [
      [lower, { name: "other" }],
      [{ name: "x/y/z", content: "new" }],
    ]);
    shows(`K05: a directory takes the place of ${what}, for a whiteout below it`, [
      [lower, { name: "other" }],
      [{ name: "x/.wh.y" }, { name: "x/d/.wh..wh..opq" }],
    ]);
  }
  shows("K05: a parent that no entry names inherits nothing from one with the set-group-ID bit", [
    [{ name: "d/", mode: 0o2775, uid: 1, gid: 50, mtime: 5 }],
    [{ name: "d/e/f", content: "f" }, { name: "d/g/h/", mode: 0o700 }],
    [{ name: "d/e/i/j" }],
  ]);
  shows("an opaque directory and an opaque root hide", [
    [{ name: "d/a" }, { name: "r" }],
    [{ name: "d/.wh..wh..opq" }, { name: "d/b" }, { name: "s/" }],
    [{ name: ".wh..wh..opq" }, { name: "d/c" }],
    [{ name: "e" }],
  ]);
  shows("empty layers, above and below", [[], [{ name: "a" }], [], []]);
  shows("only an empty layer", [[]]);
  shows("whiteouts of files that do not exist", [[{ name: ".wh.a" }, { name: "d/.wh.b" }, {
    name: "d/c",
  }]]);
  shows("one layer twice, with another between", [
    [{ name: "d/", mode: 0o700 }, { name: "d/a", content: "1" }, { name: ".wh.x" }],
    [{ name: "d", content: "file" }, { name: "x" }, { name: "e/" }],
    [{ name: "d/", mode: 0o700 }, { name: "d/a", content: "1" }, { name: ".wh.x" }],
  ]);

  test("more layers than a mount's options can hold", async (fixture) => {
    const layers = Array.from({ length: 220 }, (_, i) => [
      { name: "d/", mode: 0o700 + i % 8 },
      { name: `d/${i}`, content: `${i}` },
      { name: "top", content: `${i}` },
      ...(i % 3 === 2 ? [{ name: `d/.wh.${i - 1}` }] : []),
    ]);
    await equalsTree(fixture, await fixture.chain(layers));
  });

  test("a snapshot takes changes; the layers and a second one do not see them", async (fixture) => {
    const { snapshotter } = fixture;
    const { chainId } = await fixture.chain([[{ name: "a", content: "old" }], [{ name: "b" }]]);
    const parent = snapshotter.ensureChain(chainId);
    await using other = await fixture.mount(await snapshotter.prepare("other", parent));
    {
      await using mounted = await fixture.mount(await snapshotter.prepare("k", parent));
      await Deno.writeTextFile(`${mounted.path}/a`, "new");
      await Deno.remove(`${mounted.path}/b`);
    }
    await using view = await fixture.mount(await snapshotter.view("v", parent));
    for (const { path } of [other, view]) {
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals((await Deno.stat(`${path}/b`)).size, 0);
    }
    await using again = await fixture.mount(await snapshotter.mounts("k"));
    assertEquals(await Deno.readTextFile(`${again.path}/a`), "new");
    assertEquals(namesIn(again.path), ["a"]);
  });

  test("another driver mounts a snapshot only if it has the same form", async (fixture) => {
    const { snapshotter, store, pool } = fixture;
    const { chainId } = await fixture.chain([[{ name: "a" }], [{ name: "b" }]]);
    await snapshotter.prepare("rw", snapshotter.ensureChain(chainId));
    await snapshotter.view("empty", null);
    for (const wanted of DRIVER_NAMES) {
      const other = createSnapshotter(store, { driver: selectDriver(store, { pool, wanted }) });
      for (const key of ["rw", "empty"]) {
        const code = await codeOf(() => other.mounts(key));
        const same = (wanted === "native") === (driver === "native");
        assertEquals([wanted, key, code], [wanted, key, same ? "ok" : "E_UNSUPPORTED"]);
      }
    }
  });

  test("what is committed on layers can be built on", async (fixture) => {
    const { snapshotter } = fixture;
    const { chainId } = await fixture.chain([
      [{ name: "d/", mode: 0o700 }, { name: "d/a" }],
      [{ name: "d/b" }],
    ]);
    {
      const mounts = await snapshotter.prepare("k", snapshotter.ensureChain(chainId));
      await using mounted = await fixture.mount(mounts);
      await Deno.remove(`${mounted.path}/d/a`);
      await Deno.writeTextFile(`${mounted.path}/d/c`, "c");
    }
    await snapshotter.commit("c", "k");
    for (const kind of ["prepare", "view"] as const) {
      await using mounted = await fixture.mount(await snapshotter[kind](kind, "c"));
      const shown = [...listing(mounted.path)].map(([path, line]) =>
        `${path} ${line.slice(0, 14)}`
      );
      assertEquals(shown.map((line) => line.split(" 0:")[0]), [
        ". directory 0755",
        "d directory 0700",
        "d/b file 0644",
        "d/c file 0644",
      ]);
    }
  });

  test("the life of a snapshot is as its contract tells", async (fixture) => {
    const { snapshotter } = fixture;
    const { chainId } = await fixture.chain([[{ name: "lower" }], [{ name: "upper" }]]);
    const parent = snapshotter.ensureChain(chainId);
    assertEquals(parent, chainId);
    {
      await using mounted = await fixture.mount(await snapshotter.prepare("web", parent));
      await Deno.writeTextFile(`${mounted.path}/changed`, "");
    }
    {
      await using again = await fixture.mount(await fixture.reopen().mounts("web"));
      assertEquals(namesIn(again.path), ["changed", "lower", "upper"]);
    }
    await snapshotter.commit("web-v2", "web");
    const mounts = [
      await snapshotter.prepare("web-next", "web-v2"),
      await snapshotter.view("look", "web-v2"),
    ];
    for (const values of mounts) {
      await using mounted = await fixture.mount(values);
      assertEquals(namesIn(mounted.path), ["changed", "lower", "upper"]);
    }
    const rows = snapshotter.walk().filter(({ diffId }) => diffId === null);
    assertEquals(rows.map(({ key, kind, parent }) => [key, kind, parent]), [
      ["look", "view", "web-v2"],
      ["web-next", "active", "web-v2"],
      ["web-v2", "committed", parent],
    ]);
    assertEquals(await codeOf(() => snapshotter.commit("c", "look")), "E_PRECONDITION");
    assertEquals(await codeOf(() => snapshotter.remove("web-v2")), "E_PRECONDITION");
    for (const key of ["web-next", "look", "web-v2"]) await snapshotter.remove(key);
    assertEquals(snapshotter.walk().map(({ kind }) => kind), ["committed", "committed"]);
  });

  test("layers are made once, also concurrently and for another chain", async (fixture) => {
    const { snapshotter, store, jobs } = fixture;
    const layers = [[{ name: "a" }], [{ name: "b" }], [{ name: "c" }]];
    const parents = [layers, layers.slice(1), layers.slice(0, 2)];
    const names: string[] = [];
    for (const one of parents) {
      const { chainId } = await fixture.chain(one);
      names.push(snapshotter.ensureChain(chainId));
    }
    jobs.length = 0;
    await Promise.all(["1", "2"].flatMap((n) => names.map((p) => snapshotter.view(n + p, p))));
    // Overlay: three layers and the attributes of three chains. Other drivers: three chains.
    assertEquals(jobs.length, driver === "overlay" ? 6 : 3);
    await Promise.all(names.map((parent) => snapshotter.view(`3${parent}`, parent)));
    assertEquals(jobs.length, driver === "overlay" ? 6 : 3);
    assertEquals(namesIn(`${store.root}/chains`).length, 3);
    assertEquals(namesIn(`${store.root}/snapshots`), []);
  });
}
