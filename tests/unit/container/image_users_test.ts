import { assertEquals } from "@std/assert";
import { CONTAINER_LABELS } from "../../../lib/container/container_records.ts";
import { imageUsers } from "../../../lib/container/mod.ts";
import { imageLabels } from "../../../lib/snapshot/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { bringImage, snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

Deno.test({
  name: "a kept container needs the last name of its image, while that means the same image",
  ...needs({ root: true }),
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const [a, b] = ["example.org/a:1", "example.org/b:1"];
    const image = await bringImage(store, pool, a, [[{ name: "a" }]]);
    const labels = { ...imageLabels(image), [CONTAINER_LABELS.image]: a };
    await snapshotter.prepare("web", null, { labels });
    await snapshotter.prepare("mounted", null, { labels: imageLabels(image) });
    const needed = [{ name: a, key: "web" }];
    assertEquals(imageUsers(store, [a]), needed);
    assertEquals(imageUsers(store, ["example.org/none:1"]), []);
    store.images.set(b, image.record.target);
    assertEquals(imageUsers(store, [a]), []);
    assertEquals(imageUsers(store, [a, b]), needed);
    store.images.remove(b);
    const other = await bringImage(store, pool, b, [[{ name: "b" }]]);
    store.images.set(a, other.record.target);
    assertEquals(imageUsers(store, [a, b]), []);
  },
});

Deno.test({
  name: "a container of an image without a name needs the last of the names that the image got",
  ...needs({ root: true }),
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const [a, b] = ["example.org/a:1", "example.org/b:1"];
    const image = await bringImage(store, pool, a, [[{ name: "a" }]]);
    const { target } = image.record;
    const nameless = `<none>@${target.digest}`;
    const labels = { ...imageLabels(image), [CONTAINER_LABELS.image]: nameless };
    await snapshotter.prepare("web", null, { labels });
    assertEquals(imageUsers(store, [a]), [{ name: a, key: "web" }]);
    store.images.set(b, target);
    assertEquals(imageUsers(store, [a]), []);
    assertEquals(imageUsers(store, [b]), []);
    assertEquals(imageUsers(store, [a, b]).map(({ key }) => key), ["web"]);
    const other = await bringImage(store, pool, a, [[{ name: "other" }]]);
    assertEquals(imageUsers(store, [a]), []);
    assertEquals(imageUsers(store, [b]), [{ name: b, key: "web" }]);
    store.images.set(b, other.record.target);
    assertEquals(imageUsers(store, [a, b]), []);
  },
});
