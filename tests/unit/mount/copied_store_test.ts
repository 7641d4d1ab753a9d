/** A store that was copied while images were mounted: the mounts are those of the first store. */
import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { listMounts, unmountImage } from "../../../lib/mount/mod.ts";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { checkStore, collectGarbage } from "../../../lib/upkeep/mod.ts";
import { run } from "../../support/machine/process.ts";
import { namesIn } from "../../support/trees/names_in.ts";
import { mountTest } from "./mount_case.ts";

mountTest("a copy of a store leaves the mounts of the first store alone", async (one) => {
  const readOnly = one.target("read-only"), writable = one.target("writable");
  await one.mount(readOnly);
  await one.mount(writable, "work");
  await Deno.writeTextFile(`${writable}/new`, "x");
  const root = one.temp.join("copy");
  await run(["cp", "-a", one.store.root, root]);
  {
    await using copy = await openStore({ root });
    assertEquals(listMounts(copy), []);
    const error = await assertRejects(() => unmountImage(copy, writable), VarveError);
    assertEquals(error.code, "E_PRECONDITION");
    await collectGarbage(copy);
    assertEquals([copy.leases.list(), namesIn(copy.directories.mounts)], [[], []]);
    const snapshotter = createSnapshotter(copy);
    assertEquals(snapshotter.walk().filter(({ kind }) => kind === "view"), []);
    await snapshotter.remove("work");
    assertEquals([await checkStore(copy), namesIn(`${root}/trash`)], [[], []]);
  }
  assertEquals(await Deno.readTextFile(`${readOnly}/b`), "upper");
  assertEquals(await Deno.readTextFile(`${writable}/new`), "x");
  const shown = listMounts(one.store).map(({ target, key }) => [target, key]);
  assertEquals(shown, [[readOnly, `mount:${readOnly}`], [writable, "work"]]);
  for (const target of [readOnly, writable]) await one.unmount(target);
});

mountTest("a store that was moved unmounts what it has mounted", async (one) => {
  const readOnly = one.target("read-only"), writable = one.target("writable");
  await one.mount(readOnly);
  await one.mount(writable, "work");
  const root = one.temp.join("moved");
  await Deno.rename(one.store.root, root);
  {
    await using moved = await openStore({ root });
    assertEquals(listMounts(moved).map(({ target }) => target), [readOnly, writable]);
    for (const target of [readOnly, writable]) await unmountImage(moved, target);
    assertEquals(namesIn(writable), []);
  }
  await Deno.rename(root, one.store.root);
  assertEquals(one.records(), ["active work"]);
});
