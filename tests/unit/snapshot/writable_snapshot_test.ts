import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { lockWritable, openWritable } from "../../../lib/snapshot/writable_snapshot.ts";
import { needs } from "../../support/machine/needs.ts";
import { bringImage, snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

const root = needs({ root: true });

Deno.test({
  name: "openWritable makes the snapshot of an image, and finds it again",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a" }]]);
    const made = await openWritable({ store, snapshotter, image, key: "k" });
    const row = snapshotter.stat("k");
    assertEquals([row.kind, row.parent], ["active", image.chainId]);
    assertEquals(row.labels["varve.image.name"], "example.org/a:1");
    assertEquals([made.isNew, made.cacheId], [true, row.cacheId]);
    assertEquals(made.directory, store.directories.snapshot(made.cacheId));
    const found = await openWritable({ store, snapshotter, image, key: "k" });
    assertEquals(found, { ...made, isNew: false });
  },
});

Deno.test({
  name: "openWritable refuses a snapshot of another image or kind, with the way out",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a" }]]);
    await snapshotter.prepare("other", null);
    await snapshotter.view("view", snapshotter.ensureChain(image.chainId!));
    for (
      const [key, state] of [["other", "on top of another image"], ["view", "a view snapshot"]]
    ) {
      const error = await assertRejects(
        () => openWritable({ store, snapshotter, image, key: key as string }),
        VarveError,
        `Cannot use snapshot "${key}": it is ${state}`,
      );
      assertEquals([error.code, error.details.subject], ["E_EXISTS", key]);
      assertEquals(
        error.details.hint,
        "choose another key, or remove it with 'varve snapshot rm'",
      );
    }
  },
});

Deno.test({
  name: "lockWritable: one holder at a time",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", []);
    const snapshot = await openWritable({ store, snapshotter, image, key: "k" });
    {
      using _ = lockWritable(snapshot);
      const error = assertThrows(() => lockWritable(snapshot), VarveError) as VarveError;
      assertEquals(error.code, "E_BUSY");
    }
    using _ = lockWritable(snapshot);
  },
});
