import { assertEquals, assertNotEquals } from "@std/assert";
import { exportSnapshot, importDirectory } from "../../../lib/commit/mod.ts";
import { exportImage } from "../../../lib/image/mod.ts";
import { findImage, openMemoryStore, readImage } from "../../../lib/store/mod.ts";
import { fromText, lookup, rootOf } from "../../../lib/tree/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { bytesOf, NOW } from "../../support/images/memory_store.ts";
import { needs } from "../../support/machine/needs.ts";
import {
  bringImage,
  mountAt,
  snapshotFixture,
  TMPFS,
} from "../../support/snapshots/snapshot_fixture.ts";

const platform = { os: "linux", architecture: "amd64" };
const ROOT = needs({ root: true, mount: true });

Deno.test({
  name:
    "import of a directory: sockets are left out and counted, a link to the directory is followed",
  ...ROOT,
  fn: async () => {
    await using fixture = await snapshotFixture("native");
    const { store, pool, temp } = fixture;
    await Deno.mkdir(temp.join("root/etc"), { recursive: true });
    await Deno.writeTextFile(temp.join("root/etc/motd"), "hello");
    await Deno.symlink("root", temp.join("link"));
    const listener = Deno.listen({ transport: "unix", path: temp.join("root/socket") });
    const options = { name: "app:1", platform, pool, now: NOW };
    const made = await importDirectory(store, temp.join("link"), options);
    // The same directory is the same image, and its layer is there already.
    const again = await importDirectory(store, temp.join("root"), options);
    listener.close();
    const [layer] = made.layers;
    assertEquals(layer?.warnings.map(({ code, count }) => [code, count]), [["W_SOCKET", 1]]);
    const tree = await store.layers.tree(layer!.diffId);
    assertEquals(lookup(tree, fromText("socket")), undefined);
    assertEquals(lookup(tree, fromText("etc/motd"))?.type, "file");
    const image = await readImage(store, await findImage(store, "app:1"));
    assertEquals(image.config.history.length, 1);
    assertEquals([again.manifest, again.layers[0]?.cacheId], [made.manifest, layer?.cacheId]);
  },
});

Deno.test({
  name: "import of a directory: refuses what cannot be a layer",
  ...ROOT,
  fn: async () => {
    await using fixture = await snapshotFixture("native");
    const { store, pool, temp } = fixture;
    const run = (path: string) => () =>
      importDirectory(store, temp.join(path), { name: "app:1", platform, pool });
    await Deno.mkdir(temp.join("root/mnt"), { recursive: true });
    await Deno.writeTextFile(temp.join("root/file"), "");
    assertEquals(await codeOf(run("nowhere")), "E_NOT_FOUND");
    assertEquals(await codeOf(run("root/file")), "E_NOT_DIR");
    {
      await using _ = await mountAt([TMPFS], temp.join("root/mnt"));
      assertEquals(await codeOf(run("root")), "E_XDEV");
    }
    await Deno.writeTextFile(temp.join("root/.wh.file"), "");
    assertEquals(await codeOf(run("root")), "E_WHITEOUT_NAME");
    assertEquals([store.images.list(), store.layers.list()], [[], []]);
    await using memory = openMemoryStore();
    const other = () => importDirectory(memory, temp.path, { name: "app:1", platform, pool });
    assertEquals(await codeOf(other), "E_UNSUPPORTED");
  },
});

Deno.test({
  name: "import of an empty directory gives only the attributes of the directory",
  ...ROOT,
  fn: async () => {
    await using fixture = await snapshotFixture("native");
    const { store, pool, temp } = fixture;
    for (const [name, mode, mtime] of [["plain", 0o755, 0], ["odd", 0o700, 5]] as const) {
      await Deno.mkdir(temp.join(name));
      await Deno.chmod(temp.join(name), mode);
      await Deno.utime(temp.join(name), mtime, mtime);
      const options = { name: `${name}:1`, platform, pool };
      const { layers } = await importDirectory(store, temp.join(name), options);
      const tree = await store.layers.tree(layers[0]!.diffId);
      assertEquals([tree.count, rootOf(tree).implied], [0, name === "plain"]);
    }
  },
});

/** What is staged, below the directories of those that stage. */
async function staged(ingest: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(ingest)) {
    if (!isDirectory) continue;
    for await (const below of Deno.readDir(`${ingest}/${name}`)) names.push(below.name);
  }
  return names;
}

for (const driver of ["overlay", "native"] as const) {
  Deno.test({
    name:
      `export of a snapshot (${driver}): shows the changes at a single moment, and leaves nothing behind`,
    ...ROOT,
    fn: async () => {
      await using fixture = await snapshotFixture(driver);
      const { store, pool, snapshotter, temp } = fixture;
      const image = await bringImage(store, pool, "example.org/base:1", [
        [{ name: "etc/motd", content: "hello" }, { name: "gone", content: "x" }],
        [{ name: "etc/other", content: "other" }],
      ]);
      const before = await bytesOf(await exportImage(store, "example.org/base:1"));
      const parent = snapshotter.ensureChain(image.chainId!);
      const view = await snapshotter.view("view", parent);
      assertNotEquals(view.length, 0);
      assertEquals(await bytesOf(await exportSnapshot(store, "view", { pool })), before);
      const mounts = await snapshotter.prepare("work", parent);
      assertEquals(await bytesOf(await exportSnapshot(store, "work", { pool })), before);
      await using mounted = await fixture.mount(mounts);
      await Deno.remove(`${mounted.path}/gone`);
      await Deno.writeTextFile(`${mounted.path}/new`, "new content");
      const paused: string[] = [];
      const pause = (key: string) => {
        paused.push(key);
        return Promise.resolve(null);
      };
      const stream = await exportSnapshot(store, "work", { pool, pause });
      // It was read already: what comes later is not in it.
      await Deno.writeTextFile(`${mounted.path}/later`, "later");
      const tar = await bytesOf(stream);
      assertEquals(paused, ["work"]);
      const text = new TextDecoder("latin1").decode(tar);
      assertEquals(
        ["etc/motd", "etc/other", "new content", "gone", "later"].map((part) =>
          text.includes(part)
        ),
        [true, true, true, false, false],
      );
      // Given up in the middle, it leaves nothing either.
      const given = await exportSnapshot(store, "work", { pool });
      await given.cancel();
      assertEquals(store.layers.list().length, 2);
      assertEquals(await staged(temp.join("store/ingest")), []);
      assertEquals(
        await codeOf(() => exportSnapshot(store, "nothing", { pool })),
        "E_NOT_FOUND",
      );
    },
  });
}

Deno.test({
  name: "export of a snapshot: can be cancelled before the first read",
  ...ROOT,
  fn: async () => {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    await snapshotter.prepare("work", null);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const error = await exportSnapshot(store, "work", { pool, signal }).catch((e) => e);
    assertEquals(error, reason);
  },
});
