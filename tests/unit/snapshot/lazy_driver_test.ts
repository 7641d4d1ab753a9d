import { assertEquals } from "@std/assert";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

Deno.test("a driver is looked for when a call needs one, and once", async () => {
  await using fixture = await snapshotFixture("native");
  const { store } = fixture;
  for (const key of ["kept", "removed"]) await fixture.snapshotter.prepare(key, null);
  let tries = 0;
  const snapshotter = createSnapshotter(store, {
    driver: () => {
      tries++;
      return fixture.driver;
    },
  });
  await snapshotter.update("kept", { a: "b" });
  await snapshotter.remove("removed");
  assertEquals(snapshotter.stat("kept").labels, { a: "b" });
  assertEquals(tries, 0);
  for (let i = 0; i < 2; i++) assertEquals((await snapshotter.mounts("kept")).length, 1);
  assertEquals(tries, 1);
});

Deno.test("a driver that does not exist is refused at once", async () => {
  await using fixture = await snapshotFixture("native");
  const driver = "other" as "native";
  assertEquals(await codeOf(() => createSnapshotter(fixture.store, { driver })), "E_USAGE");
});
