import { assert, assertEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { bindMount, type MountInfo } from "../../../lib/linux/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { boundPaths, gcKnowledge, mountOfSnapshot } from "../../../lib/snapshot/internal.ts";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { mountAt } from "../../support/snapshots/snapshot_fixture.ts";

function mounted(device: string, root: string, mountPoint: string): MountInfo {
  const point = { root: fromText(root), mountPoint: fromText(mountPoint) };
  return { device, ...point } as unknown as MountInfo;
}

Deno.test("the path in a store of a bind mount, wherever the store lies", async () => {
  await using temp = await tempDir();
  const store = { root: temp.path };
  const at = temp.path;
  const pathOf = (mounts: readonly MountInfo[], device: string, root: string) =>
    boundPaths(store, mounts)({ device, root: fromText(root) });
  const disk = mounted("8:1", "/", "/");
  assertEquals(pathOf([disk], "8:1", `${at}/snapshots/7/fs`), fromText("/snapshots/7/fs"));
  assertEquals(pathOf([disk], "8:2", `${at}/snapshots/7/fs`), undefined);
  assertEquals(pathOf([disk], "8:1", `${at}2/snapshots/7/fs`), undefined);
  assertEquals(pathOf([disk], "8:1", at), undefined);
  const subvolume = mounted("0:30", "/@", "/");
  assertEquals(pathOf([subvolume], "0:30", `/@${at}/layers/1/fs`), fromText("/layers/1/fs"));
  assertEquals(pathOf([subvolume], "0:30", `${at}/layers/1/fs`), undefined);
  const bind = [disk, mounted("8:1", "/srv/real", at)];
  assertEquals(pathOf(bind, "8:1", "/srv/real/chains/2/fs"), fromText("/chains/2/fs"));
  assertEquals(pathOf(bind, "8:1", `${at}/chains/2/fs`), undefined);
  const hidden = [...bind, mounted("8:3", "/", at)];
  assertEquals(pathOf(hidden, "8:3", "/chains/2/fs"), fromText("/chains/2/fs"));
  assertEquals(pathOf(hidden, "8:1", "/srv/real/chains/2/fs"), undefined);
  assertEquals(pathOf([], "8:1", `${at}/chains/2/fs`), undefined);
});

leakTest(
  "native: a mount is seen where the store is on a bind mount",
  needs({ root: true, mount: true }),
  async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("real"));
    const bind = bindMount(fromText(temp.join("real")), {});
    await using seen = await mountAt([bind], temp.join("seen"));
    await using store = await openStore({ root: `${seen.path}/store`, durability: "none" });
    await using pool = createPool({ inline: true });
    const snapshotter = createSnapshotter(store, { driver: "native", pool });
    const mounts = await snapshotter.prepare("a", null);
    await snapshotter.prepare("b", null);
    await using target = await mountAt(mounts, temp.join("target"));
    assertEquals(mountOfSnapshot(store, "a")?.mountPoint, fromText(target.path));
    assertEquals(mountOfSnapshot(store, "b"), undefined);
    const inUse = gcKnowledge(store).inUse?.();
    assert(inUse !== undefined);
    const directoryOf = (key: string) =>
      store.directories.snapshot(snapshotter.stat(key).cacheId ?? 0);
    assertEquals([inUse(directoryOf("a")), inUse(`${directoryOf("a")}/fs`)], [true, true]);
    assertEquals(inUse(directoryOf("b")), false);
  },
);
