import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import type { DriverName } from "../../lib/snapshot/mod.ts";
import { codeOf } from "../support/code_of.ts";
import type { SnapshotFixture } from "../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../support/trees/names_in.ts";
import type { SnapshotterTest } from "./snapshotter.ts";

const EXTRACT = { extract: true } as const;

/** What a snapshotter promises about layers that are applied to a snapshot, and about extract snapshots. */
export function extractConformance(test: SnapshotterTest, driver: DriverName): void {
  test("an unpack: each layer is applied to an extract snapshot, which composes and mounts nothing", async (fixture) => {
    const { snapshotter, store } = fixture;
    const { diffIds } = await fixture.chain([[{ name: "a" }], [{ name: "b" }], [{ name: "c" }]]);
    let parent: string | null = null;
    for (const [i, diffId] of diffIds.entries()) {
      const given = await snapshotter.prepare(`x${i}`, parent, EXTRACT);
      assertEquals(await snapshotter.givenMounts(`x${i}`), given);
      const applied = await snapshotter.applied(`x${i}`, diffId);
      assertEquals([applied.kind, applied.diffId], ["active", diffId]);
      assertEquals(await snapshotter.applied(`x${i}`, diffId), applied);
      await snapshotter.commit(`c${i}`, `x${i}`, { labels: { n: `${i}` } });
      const { kind, labels, parent: below } = snapshotter.stat(`c${i}`);
      assertEquals([kind, below, labels], ["committed", parent, { n: `${i}` }]);
      assertEquals((await snapshotter.usage(`c${i}`)).size, store.layers.get(diffId)?.size);
      await snapshotter.cleanup();
      // Its directory is empty: only the marker says which layer it is.
      const { cacheId } = snapshotter.stat(`c${i}`);
      assertEquals(await namesIn(`${store.directories.snapshot(cacheId!)}/fs`), []);
      parent = `c${i}`;
    }
    assertEquals(fixture.jobs.filter((job) => /compose|extract/.test(job)), []);
    assertEquals((await namesIn(store.directories.mounts)).filter((n) => /^erofs/.test(n)), []);
    await snapshotter.warm("c2");
    await using mounted = await fixture.mount(await snapshotter.prepare("work", "c2"));
    assertEquals(await namesIn(mounted.path), ["a", "b", "c"]);
    const composed = fixture.jobs.filter((job) => /compose/.test(job)).length;
    assertEquals(composed, driver === "erofs" ? 1 : 0);
  });

  test("a layer is applied only to an empty active snapshot, and only one that the store has", async (fixture) => {
    const { snapshotter, store } = fixture;
    const { diffIds: [a, b] } = await fixture.chain([[{ name: "a" }], [{ name: "b" }]]);
    await snapshotter.prepare("x", null);
    await snapshotter.view("v", null);
    const absent = a!.replace(/.{4}$/, "0000") as typeof a;
    const code = (key: string, diffId = a!) => codeOf(() => snapshotter.applied(key, diffId));
    assertEquals(await code("gone"), "E_NOT_FOUND");
    assertEquals(await code("v"), "E_PRECONDITION");
    assertEquals(await code("x", absent), "E_NOT_FOUND");
    assertEquals(snapshotter.stat("x").diffId, null);
    assertEquals(await code("x"), "ok");
    assertEquals(await code("x", b!), "E_PRECONDITION");
    await snapshotter.commit("c", "x");
    assertEquals(await code("c"), "E_PRECONDITION");
    await snapshotter.prepare("full", null);
    const { cacheId } = snapshotter.stat("full");
    await Deno.writeTextFile(`${store.directories.snapshot(cacheId as number)}/fs/file`, "");
    assertEquals(await code("full"), "E_PRECONDITION");
  });

  test("a layer that was applied is kept from gc, before and after the commit", async (fixture) => {
    const { snapshotter, store } = fixture;
    const { diffIds: [a] } = await fixture.chain([[{ name: "a" }]]);
    await snapshotter.prepare("x", null);
    await snapshotter.applied("x", a!);
    const isKept = async () => {
      await store.collector.collect();
      return store.layers.get(a!) !== undefined;
    };
    assert(await isKept());
    await snapshotter.commit("c", "x");
    assert(await isKept());
    await snapshotter.remove("c");
    assertEquals(await isKept(), false);
  });

  test("the mounts of an extract snapshot show what lies below after they were asked for", async (fixture) => {
    const { snapshotter } = fixture;
    await base(fixture);
    const given = await snapshotter.prepare("x", "base", EXTRACT);
    {
      await using early = await fixture.mount(given);
      assertEquals(await namesIn(early.path), []);
    }
    assertEquals(await snapshotter.mounts("x"), given);
    assertEquals(await snapshotter.mounts("x"), given);
    assertEquals(await snapshotter.givenMounts("x"), given);
    {
      await using mounted = await fixture.mount(given);
      assertEquals(await namesIn(mounted.path), ["etc"]);
      assertEquals((await Deno.stat(mounted.path)).mode! & 0o7777, 0o711);
      await Deno.writeTextFile(`${mounted.path}/new`, "new");
    }
    await snapshotter.commit("c", "x");
    await using above = await fixture.mount(await fixture.snapshotter.view("v", "c"));
    assertEquals(await namesIn(above.path), ["etc", "new"]);
    assertEquals((await Deno.stat(above.path)).mode! & 0o7777, 0o711);
  });

  test("an extract snapshot that was filled unseen is refused, one without changes is not", async (fixture) => {
    const { snapshotter, store } = fixture;
    await base(fixture);
    await snapshotter.prepare("x", "base", EXTRACT);
    const files = `${store.directories.snapshot(snapshotter.stat("x").cacheId as number)}/fs`;
    await Deno.writeTextFile(`${files}/file`, "");
    const error = await snapshotter.commit("c", "x").then(() => undefined, (error) => error);
    assert(error instanceof VarveError);
    assertEquals(error.code, "E_PRECONDITION");
    assert(error.details.hint?.includes('default = ["varve-diff", "walking"]'), error.details.hint);
    assertEquals(snapshotter.stat("x").kind, "active");
    await snapshotter.remove("x");
    await snapshotter.prepare("y", "base", EXTRACT);
    await snapshotter.commit("c", "y");
    await using above = await fixture.mount(await snapshotter.view("v", "c"));
    assertEquals(await namesIn(above.path), ["etc"]);
    assertEquals((await Deno.stat(above.path)).mode! & 0o7777, 0o711);
  });

  test("an extract snapshot is removed with what it mounted, and its state is nobody else's", async (fixture) => {
    const { snapshotter, store } = fixture;
    await base(fixture);
    await snapshotter.prepare("x", "base", { ...EXTRACT, labels: { mine: "1" } });
    const state = Object.keys(snapshotter.stat("x").labels).sort();
    const updated = await snapshotter.update("x", { other: "2", "varve.extract": "shown" });
    assertEquals(
      Object.keys(updated.labels).sort(),
      state.map((one) => one === "mine" ? "other" : one),
    );
    assertEquals(updated.labels["varve.extract"], "hidden");
    await snapshotter.mounts("x");
    const { cacheId } = snapshotter.stat("x");
    await snapshotter.remove("x");
    await snapshotter.cleanup();
    assertEquals(await namesIn(`${store.root}/trash`), []);
    const mounts = await Deno.readTextFile("/proc/self/mountinfo");
    assertEquals(mounts.includes(`${store.root}/snapshots/${cacheId}/`), false);
    assertEquals((await namesIn(store.directories.mounts)).filter((n) => /^erofs/.test(n)), []);
  });

  test("a snapshot without parent is put on one by its commit", async (fixture) => {
    const { snapshotter } = fixture;
    await base(fixture);
    const { diffIds: [, top] } = await fixture.chain([[{ name: "etc/" }], [{ name: "etc/top" }]]);
    await snapshotter.prepare("x", null, EXTRACT);
    await snapshotter.applied("x", top!);
    assertEquals(await codeOf(() => snapshotter.commit("c", "x", { parent: "no" })), "E_NOT_FOUND");
    assertEquals(
      await codeOf(() => snapshotter.commit("c", "x", { parent: "x" })),
      "E_PRECONDITION",
    );
    await snapshotter.commit("c", "x", { parent: "base" });
    assertEquals(snapshotter.stat("c").parent, "base");
    await using mounted = await fixture.mount(await snapshotter.view("v", "c"));
    assertEquals(await namesIn(`${mounted.path}/etc`), ["base", "top"]);
    assertEquals(await codeOf(() => snapshotter.remove("base")), "E_PRECONDITION");
  });

  test("a directory without parent is put on one only where it holds just what it changes", async (fixture) => {
    const { snapshotter } = fixture;
    await base(fixture);
    {
      await using mounted = await fixture.mount(await snapshotter.prepare("x", null));
      await Deno.mkdir(`${mounted.path}/srv`);
    }
    const commit = () => codeOf(() => snapshotter.commit("c", "x", { parent: "base" }));
    if (driver === "native") {
      // Its directory is a whole root, which would hide what is below.
      assertEquals(await commit(), "E_UNSUPPORTED");
      assertEquals([snapshotter.stat("x").kind, snapshotter.stat("x").parent], ["active", null]);
      await snapshotter.commit("alone", "x");
      return;
    }
    assertEquals(await commit(), "ok");
    await using mounted = await fixture.mount(await snapshotter.view("v", "c"));
    assertEquals(await namesIn(mounted.path), ["etc", "srv"]);
  });
}

/** A committed snapshot `base` of a layer. */
async function base({ chain, snapshotter }: SnapshotFixture): Promise<void> {
  const { diffIds: [layer] } = await chain([
    [{ name: "./", type: "dir", mode: 0o711 }, { name: "etc/base" }],
  ]);
  await snapshotter.prepare("base-x", null);
  await snapshotter.applied("base-x", layer!);
  await snapshotter.commit("base", "base-x");
}
