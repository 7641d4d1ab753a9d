import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  type CommitImageOptions,
  commitSnapshot,
  exportSnapshot,
  snapshotTrees,
} from "../../../lib/commit/mod.ts";
import { addStubs } from "../../../lib/directory/stubs.ts";
import { VarveError } from "../../../lib/errors.ts";
import { diffTrees, foldLayers } from "../../../lib/layer/mod.ts";
import { mountImage } from "../../../lib/mount/mod.ts";
import { defaultPlatform } from "../../../lib/oci/mod.ts";
import { imageLabels } from "../../../lib/snapshot/mod.ts";
import { findImage, readImage, type StoredImage } from "../../../lib/store/mod.ts";
import { lookup, walk } from "../../../lib/tree/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { archiveTar, buildImage, type ImageSpec, ociFiles } from "../../support/images/images.ts";
import { needs, type Skip } from "../../support/machine/needs.ts";
import {
  DRIVER_NAMES,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";

const MOUNT: Skip = needs({ root: true, mount: true, kernel: "6.6" });
const PLATFORM = defaultPlatform("linux", "amd64");
const NAME = "example.org/app:1";
/** 2001-09-09T01:46:40Z */
const NOW = 1e12;

const SPEC: ImageSpec = {
  name: "example.org/base:1",
  layers: [
    [{ name: "etc/" }, { name: "etc/a", content: "a" }, { name: "etc/b", content: "b" }],
    [{ name: "usr/" }, { name: "usr/x", content: "x" }],
  ],
};

async function bring(fixture: SnapshotFixture, spec: ImageSpec = SPEC): Promise<StoredImage> {
  const bytes = archiveTar(ociFiles([buildImage(spec)]));
  const [image] = await loadImages(fixture.store, new Blob([bytes]).stream(), {
    pool: fixture.pool,
  });
  return await readImage(fixture.store, await findImage(fixture.store, image?.names[0] as string));
}

/** A snapshot of an image, made as a mount makes it; `change` sees its files. */
async function prepare(
  fixture: SnapshotFixture,
  image: StoredImage,
  change: (path: string) => Promise<void>,
  key = "work",
): Promise<void> {
  const { snapshotter } = fixture;
  const parent = snapshotter.ensureChain(image.chainId as string as never);
  const mounts = await snapshotter.prepare(key, parent, { labels: imageLabels(image) });
  await using mounted = await fixture.mount(mounts);
  await change(mounted.path);
}

function options(fixture: SnapshotFixture): CommitImageOptions {
  return { pool: fixture.pool, name: NAME, now: NOW, platform: PLATFORM };
}

const read = async (fixture: SnapshotFixture) =>
  await readImage(fixture.store, await findImage(fixture.store, NAME));

for (const driver of DRIVER_NAMES) {
  Deno.test({
    name: `${driver}: a commit adds exactly the change, and records it in config and history`,
    ...MOUNT,
    async fn() {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      const base = await bring(fixture);
      await prepare(fixture, base, async (path) => {
        await Deno.writeTextFile(`${path}/etc/new`, "new");
        await Deno.remove(`${path}/etc/a`);
      });
      const made = await commitSnapshot(fixture.store, "work", {
        ...options(fixture),
        author: "me",
        message: "why",
        changes: ['CMD ["x"]'],
      });
      assertEquals(made.parent, "example.org/base:1");
      assertEquals(made.name, NAME);
      const image = await read(fixture);
      assertEquals(image.imageId, made.imageId);
      assertEquals(image.descriptor.digest, made.manifest);
      assertEquals(image.chainId, made.chainId);
      assertEquals(image.layers.slice(0, 2), [...base.layers], "the blobs below are the same");
      const [layer] = made.layers;
      assertEquals(image.layers[2]?.descriptor.digest, layer?.diffId);
      const tree = await fixture.store.layers.tree(layer?.diffId as never);
      assertEquals(
        Array.from(walk(tree), ({ path, node }) => `${path} ${node.type}`),
        ["etc directory", "etc/a whiteout", "etc/new file"],
      );
      assertEquals(image.config.created, "2001-09-09T01:46:40Z");
      assertEquals(image.config.author, "me");
      assertEquals(image.config.config.cmd, ["x"]);
      assertEquals(image.config.config.env, ["PATH=/usr/bin:/bin"]);
      assertEquals(image.config.history.at(-1), {
        created: "2001-09-09T01:46:40Z",
        createdBy: "varve commit",
        author: "me",
        comment: "why",
      });
      // What is shown of the snapshot is what the image holds.
      const { before, after } = await snapshotTrees(fixture.store, "work", options(fixture));
      const trees = image.layers.map(({ diffId }) => fixture.store.layers.tree(diffId));
      assertEquals(after.digest, foldLayers(await Promise.all(trees)).digest);
      assertEquals(before.digest, foldLayers(await Promise.all(trees.slice(0, 2))).digest);
    },
  });

  Deno.test({
    name: `${driver}: a snapshot without changes adds no layer, only history`,
    ...MOUNT,
    async fn() {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      const base = await bring(fixture);
      await prepare(fixture, base, async (path) => {
        // Copied up, and then as before.
        await Deno.chmod(`${path}/etc/a`, 0o600);
        await Deno.chmod(`${path}/etc/a`, 0o644);
      });
      const made = await commitSnapshot(fixture.store, "work", options(fixture));
      assertEquals(made.layers, []);
      assertEquals(made.chainId, base.chainId);
      const image = await read(fixture);
      assertEquals(image.layers, base.layers);
      assertEquals(image.config.history.at(-1)?.emptyLayer, true);
    },
  });

  Deno.test({
    name: `${driver}: the same change gives the same image in another store and under another key`,
    ...MOUNT,
    async fn() {
      const all = [];
      for (const key of ["work", "other"]) {
        await using fixture = await snapshotFixture(driver, { inMemory: true });
        const base = await bring(fixture);
        await prepare(fixture, base, async (path) => {
          await Deno.writeTextFile(`${path}/usr/y`, "y");
          await Deno.utime(`${path}/usr/y`, 7, 7);
          await Deno.utime(`${path}/usr`, 8, 8);
        }, key);
        const { parent: _, layers, ...made } = await commitSnapshot(
          fixture.store,
          key,
          options(fixture),
        );
        all.push({ ...made, layers: layers.map(({ diffId }) => diffId) });
      }
      assertEquals(all[0], all[1]);
    },
  });

  Deno.test({
    name: `${driver}: committed snapshots in between become layers as well`,
    ...MOUNT,
    async fn() {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      const base = await bring(fixture);
      await prepare(fixture, base, (path) => Deno.writeTextFile(`${path}/one`, "1"), "first");
      await fixture.snapshotter.commit("between", "first");
      const mounts = await fixture.snapshotter.prepare("work", "between");
      await using mounted = await fixture.mount(mounts);
      await Deno.writeTextFile(`${mounted.path}/two`, "2");
      const made = await commitSnapshot(fixture.store, "work", options(fixture));
      assertEquals(made.layers.map(({ entries }) => entries), [1, 1]);
      const { after } = await snapshotTrees(fixture.store, "work", options(fixture));
      assertEquals(lookup(after, fromText("one"))?.type, "file");
      const image = await read(fixture);
      const trees = image.layers.map(({ diffId }) => fixture.store.layers.tree(diffId));
      assertEquals(foldLayers(await Promise.all(trees)).digest, after.digest);
    },
  });
}

Deno.test({
  name: "stubs in a plain directory are not a change while they are empty",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("native", { inMemory: true });
    const base = await bring(fixture);
    const times = new Map<string, Deno.FileInfo>();
    await prepare(fixture, base, async (path) => {
      for (const name of ["", "/etc"]) times.set(name, await Deno.stat(path + name));
      await Deno.mkdir(`${path}/proc`);
      await Deno.mkdir(`${path}/var/lib`, { recursive: true });
      await Deno.writeTextFile(`${path}/etc/hosts`, "");
      await Deno.writeTextFile(`${path}/etc/used`, "used");
      await Deno.writeTextFile(`${path}/var/lib/x`, "x");
      for (const [name, { mtime }] of times) {
        await Deno.utime(path + name, mtime as Date, mtime as Date);
      }
    });
    const { store, snapshotter } = fixture;
    const cacheId = snapshotter.stat("work").cacheId as number;
    const stub = (path: string, type: "directory" | "file") => ({ path: fromText(path), type });
    const stubs = [
      stub("/proc", "directory"),
      stub("/var", "directory"),
      stub("/etc/hosts", "file"),
      stub("/etc/used", "file"),
    ];
    const directory = store.directories?.snapshot(cacheId) as string;
    await addStubs(directory, stubs, store.directories?.mounts as string, "none");
    const { layers: [layer] } = await commitSnapshot(fixture.store, "work", options(fixture));
    const tree = await store.layers.tree(layer?.diffId as never);
    assertEquals(
      Array.from(walk(tree), ({ path }) => path as string),
      ["etc", "etc/used", "var", "var/lib", "var/lib/x"],
    );
  },
});

Deno.test({
  name: "the parent image is found by the labels, by the layers, or not at all",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const { store, snapshotter } = fixture;
    const base = await bring(fixture);
    const twin = await bring(fixture, {
      ...SPEC,
      name: "example.org/twin:1",
      config: { config: { Cmd: ["twin"] } },
    });
    await prepare(fixture, twin, (path) => Deno.writeTextFile(`${path}/x`, ""));
    const made = async () => {
      await commitSnapshot(fixture.store, "work", options(fixture));
      return (await read(fixture)).config.config.cmd;
    };
    assertEquals(
      (await commitSnapshot(fixture.store, "work", options(fixture))).parent,
      twin.record.name,
    );
    assertEquals(await made(), ["twin"]);
    // The name is gone, or means another image: what the snapshot was made for still counts.
    store.images.set(twin.record.name, base.record.target);
    assertEquals(await made(), ["twin"]);
    // Foreign snapshots have no labels.
    await snapshotter.update("work", {}, ["labels"]);
    assertEquals(await made(), ["/bin/sh"]);
    for (const { name } of store.images.list()) store.images.remove(name);
    const bare = await commitSnapshot(fixture.store, "work", options(fixture));
    assertEquals(bare.parent, null);
    const image = await read(fixture);
    assertEquals(image.layers.length, 3);
    assertEquals(image.config.platform.os, "linux");
    assertEquals(image.layers[0]?.descriptor.digest, image.layers[0]?.diffId);
  },
});

Deno.test({
  name: "a commit needs only a store and a key; its name is read as any name",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const { store } = fixture;
    await prepare(fixture, await bring(fixture), (path) => Deno.writeTextFile(`${path}/x`, "new"));
    const { name, manifest } = await commitSnapshot(store, "work");
    assertEquals(name, `<none>@${manifest}`);
    const named = await commitSnapshot(store, "work", { name: "made:1" });
    assertEquals(named.name, "docker.io/library/made:1");
    assertEquals((await findImage(store, named)).name, named.name);
    const digest = `made@${manifest}`;
    assertEquals(await codeOf(() => commitSnapshot(store, "work", { name: digest })), "E_USAGE");
    const { before, after } = await snapshotTrees(store, "work");
    const paths = Array.from(diffTrees(before, after), ({ kind, path }) => `${kind} ${path}`);
    assertEquals(paths.filter((one) => one.startsWith("add")), ["add x"]);
    const tar = await exportSnapshot(store, "work");
    assertEquals((await new Response(tar).bytes()).length > 0, true);
  },
});

Deno.test({
  name: "Docker media types of the parent become OCI media types",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const base = await bring(fixture, { ...SPEC, docker: true });
    await prepare(fixture, base, (path) => Deno.writeTextFile(`${path}/x`, ""));
    await commitSnapshot(fixture.store, "work", options(fixture));
    const { manifest } = await read(fixture);
    assertEquals(manifest.mediaType, "application/vnd.oci.image.manifest.v1+json");
    assertEquals(manifest.layers.map(({ mediaType }) => mediaType.split(".").slice(-1)[0]), [
      "tar+gzip",
      "tar+gzip",
      "tar",
    ]);
  },
});

Deno.test({
  name: "writers are paused while the snapshot is read, and resume even when that fails",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const base = await bring(fixture);
    await prepare(fixture, base, (path) => Deno.writeTextFile(`${path}/.wh.x`, ""));
    const said: string[] = [];
    const pause = (key: string) => {
      said.push(`pause ${key}`);
      return Promise.resolve({
        [Symbol.asyncDispose]: () => Promise.resolve(void said.push("resume")),
      });
    };
    const before = fixture.store.layers.list();
    const error = await assertRejects(
      () => commitSnapshot(fixture.store, "work", { ...options(fixture), pause }),
      VarveError,
    );
    assertEquals(error.code, "E_WHITEOUT_NAME");
    assertEquals(said, ["pause work", "resume"]);
    assertEquals(fixture.store.layers.list(), before, "nothing is left of it");
    assertEquals(fixture.store.images.get(NAME), undefined);
  },
});

Deno.test({
  name: "a snapshot that cannot be committed is refused before anything is read",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const base = await bring(fixture);
    const { snapshotter, jobs } = fixture;
    await prepare(fixture, base, (path) => Deno.writeTextFile(`${path}/x`, ""));
    await snapshotter.view("view", snapshotter.stat("work").parent);
    jobs.length = 0;
    const code = async (more: Partial<CommitImageOptions>, key = "work") => {
      const error = await assertRejects(
        () => commitSnapshot(fixture.store, key, { ...options(fixture), ...more }),
        VarveError,
      );
      return error.code;
    };
    assertEquals(await code({}, "none"), "E_NOT_FOUND");
    assertEquals(await code({}, "view"), "E_PRECONDITION");
    assertEquals(await code({ changes: ["RUN x"] }), "E_USAGE");
    assertEquals(jobs, []);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const aborted = await assertRejects(() =>
      commitSnapshot(fixture.store, "work", { ...options(fixture), signal })
    );
    assert(aborted === reason);
  },
});

Deno.test({
  name: "a mount records the image for which its snapshot is made",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const image = await bring(fixture);
    const target = fixture.temp.join("target");
    await Deno.mkdir(target);
    await using _ = await mountImage(fixture.store, image, target, {
      snapshotter: fixture.snapshotter,
      key: "work",
    });
    assertEquals(fixture.snapshotter.stat("work").labels, {
      "varve.image.name": "example.org/base:1",
      "varve.image.manifest": image.descriptor.digest,
    });
  },
});
