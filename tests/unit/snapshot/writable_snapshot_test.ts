import { assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { CWD, Open, openAt, ownFd } from "../../../lib/linux/mod.ts";
import { LOCK_LABEL, mountNamespace, NAMESPACE_LABEL } from "../../../lib/snapshot/internal.ts";
import { MOUNT_LABEL } from "../../../lib/snapshot/mod.ts";
import { lockWritable, openWritable } from "../../../lib/snapshot/writable_snapshot.ts";
import { codeOf } from "../../support/code_of.ts";
import { mountsBelow } from "../../support/machine/census.ts";
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
        "choose another key, or remove the snapshot first",
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
      using _ = await lockWritable({ store, snapshotter }, snapshot);
      assertEquals(await codeOf(() => lockWritable({ store, snapshotter }, snapshot)), "E_BUSY");
      assertEquals(await codeOf(() => snapshotter.remove("k")), "E_BUSY");
      assertEquals(snapshotter.stat("k").kind, "active");
    }
    {
      using _ = await lockWritable({ store, snapshotter }, snapshot);
    }
    await snapshotter.remove("k");
    const gone = await codeOf(() => lockWritable({ store, snapshotter }, snapshot));
    assertEquals(gone, "E_NOT_FOUND");
  },
});

Deno.test({
  name: "openWritable: a snapshot that must be new is not opened again",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", []);
    const open = () => openWritable({ store, snapshotter, image, key: "k", mustBeNew: true });
    assertEquals((await open()).isNew, true);
    assertEquals(await codeOf(open), "E_EXISTS");
    assertEquals(snapshotter.stat("k").kind, "active");
  },
});

Deno.test({
  name: "lockWritable: a snapshot that was released meanwhile is made mountable again",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("erofs");
    const { store, pool, snapshotter } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a" }]]);
    const snapshot = await openWritable({ store, snapshotter, image, key: "k" });
    const lowers = () => mountsBelow(store.directories.mounts);
    assertEquals((await lowers()).length, 1);
    snapshotter.release("k");
    assertEquals(await lowers(), []);
    {
      using _ = await lockWritable({ store, snapshotter }, snapshot);
      assertEquals((await lowers()).length, 1);
      // About to be mounted: it is not released.
      snapshotter.release("k");
      assertEquals((await lowers()).length, 1);
    }
    await snapshotter.remove("k");
    assertEquals(await lowers(), []);
    assertEquals(await codeOf(() => snapshotter.release("k")), "E_NOT_FOUND");
  },
});

Deno.test({
  name:
    "a snapshot that a live lease names is not removed: of a mount, or of a process that holds a lock",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter, temp } = fixture;
    await snapshotter.prepare("k", null);
    const file = temp.join("lock");
    using lock = ownFd(openAt(CWD, fromText(file), Open.READ_WRITE | Open.CREATE, 0o600));
    assertEquals(lock.lock("exclusive"), true);
    const lease = { id: "run:k", createdAt: 1, expiresAt: null, resources: ["snapshot:k"] };
    store.leases.create({ ...lease, labels: { [LOCK_LABEL]: file } });
    assertEquals(await codeOf(() => snapshotter.remove("k")), "E_BUSY");
    lock[Symbol.dispose]();
    // The lease of a mount that a reboot ended is stale.
    const labels = { [MOUNT_LABEL]: temp.join("mnt"), [NAMESPACE_LABEL]: mountNamespace() };
    store.leases.create({ ...lease, id: "mount:k", labels });
    await snapshotter.remove("k");
    assertEquals(await codeOf(() => snapshotter.stat("k")), "E_NOT_FOUND");
  },
});
