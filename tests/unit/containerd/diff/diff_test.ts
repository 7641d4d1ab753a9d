import { assert, assertEquals, assertRejects } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { commitSnapshot } from "../../../../lib/commit/mod.ts";
import { Declined } from "../../../../lib/containerd/grpc/status_of.ts";
import { type Digest, sha256 } from "../../../../lib/digest/mod.ts";
import { createSnapshotter, type DriverName } from "../../../../lib/snapshot/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import {
  applyRequest,
  callOf,
  type DiffFixture,
  diffFixture,
  diffRequest,
} from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { DRIVER_NAMES } from "../../../support/snapshots/snapshot_fixture.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

const ROOT = needs({ root: true, mount: true });
const TAR = "application/vnd.oci.image.layer.v1.tar";
const BASE = tarOf([
  { name: "etc/", mtime: 1 },
  { name: "etc/motd", content: "hello", mtime: 1 },
  { name: "etc/old", content: "old", mtime: 1 },
]);

/** A snapshot that was changed, on a layer that was applied. */
async function changed(made: DiffFixture) {
  const { snapshotter, content, service } = made;
  const blob = await content.add(BASE);
  const mounts = await snapshotter.prepare("default/1/extract", null);
  await service.apply(applyRequest(blob, mounts, { mediaType: TAR }), callOf());
  await snapshotter.commit("default/2/base", "default/1/extract");
  const right = await snapshotter.prepare("default/3/work", "default/2/base");
  await made.change(right, (path) => edit(path));
  const left = await snapshotter.view("default/4/view", "default/2/base");
  return { left, right };
}

async function edit(path: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    await Deno.writeTextFile(`${path}/etc/file-${i}`, `${i}`);
    await Deno.utime(`${path}/etc/file-${i}`, i, i);
  }
  await Deno.writeTextFile(`${path}/etc/motd`, "changed");
  await Deno.remove(`${path}/etc/old`);
  await Deno.utime(`${path}/etc/motd`, 5, 5);
  await Deno.utime(`${path}/etc`, 6, 6);
}

function bytesOf({ content }: DiffFixture, digest: string | undefined): Uint8Array {
  return Deno.readFileSync(content.file(digest as Digest));
}

for (const driver of DRIVER_NAMES) {
  Deno.test({
    name: `the Diff of media type tar is the layer of a commit, byte for byte: ${driver}`,
    ...ROOT,
    fn: async () => {
      await using made = await diffFixture({ driver });
      const { service, store, content } = made;
      const { left, right } = await changed(made);
      const request = diffRequest(left, right, { mediaType: TAR, ref: "r", labels: { a: "b" } });
      const { diff } = await service.diff(request, callOf({ lease: "mine" }));
      assertEquals(diff?.mediaType, TAR);
      const tar = bytesOf(made, diff?.digest);
      assertEquals(Number(diff?.size), tar.length);
      assertEquals(sha256(tar), diff?.digest);
      assertEquals(await committed(made, driver), diff?.digest);
      const { labels } = await content.info(sha256(tar), "default");
      assertEquals(labels, { a: "b", "containerd.io/uncompressed": sha256(tar) });
      // The caller has a lease.
      assertEquals([content.leases.size, content.usedLeases], [0, ["mine"]]);
      assertEquals(store.layers.byBlob(sha256(tar))?.diffId, sha256(tar) as string);
    },
  });
}

Deno.test({
  name: "a Diff that ends early leaves no lease in containerd, and none in the store",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, store, content } = made;
    const { left, right } = await changed(made);
    const before = store.leases.list();
    const controller = new AbortController();
    const reason = new Error("the client is gone");
    let leases = 0;
    content.onWrite = () => {
      leases = content.leases.size;
      controller.abort(reason);
      return Promise.reject(reason);
    };
    const request = diffRequest(left, right, { mediaType: TAR });
    const call = { ...callOf(), signal: controller.signal };
    assertEquals(await service.diff(request, call).catch((error) => error), reason);
    assertEquals([leases, content.leases.size], [1, 0]);
    assertEquals(store.leases.list(), before);
  },
});

/** DiffID of the layer that `varve commit` makes of the same change, on the same layer, with the user's own snapshots. */
async function committed({ store, pool, change }: DiffFixture, driver: DriverName) {
  const snapshotter = createSnapshotter(store, { driver, pool });
  const { diffId } = store.snapshots.in("containerd").read((table) => table.get("default/2/base"))!;
  const parent = snapshotter.ensureChain(store.chains.ensure([diffId!]));
  await change(await snapshotter.prepare("mine", parent), edit);
  const { layers } = await commitSnapshot(store, "mine", { pool, now: 0 });
  return layers[0]?.diffId;
}

Deno.test({
  name: "a Diff is gzip by default, kept by a lease of minutes, and known: to apply it is instant",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, content, snapshotter, store } = made;
    const { left, right } = await changed(made);
    const { diff } = await service.diff(diffRequest(left, right), callOf());
    assertEquals(diff?.mediaType, `${TAR}+gzip`);
    const diffId = sha256(gunzipSync(bytesOf(made, diff?.digest)));
    const { labels } = await content.info(diff?.digest as Digest, "default");
    assertEquals(labels["containerd.io/uncompressed"], diffId);
    const [[id, lease] = []] = [...content.leases];
    assertEquals(content.usedLeases, [id]);
    const minutes = (Date.parse(lease?.["containerd.io/gc.expire"] ?? "") - Date.now()) / 60_000;
    assert(minutes > 9 && minutes <= 10, String(minutes));
    // varve keeps no blob, but knows which layer it holds.
    assertEquals(store.blobs.stat(diff?.digest as Digest), undefined);
    assertEquals(store.layers.byBlob(diff?.digest as Digest)?.diffId, diffId as string);
    await Deno.remove(content.file(diff?.digest as Digest));
    const onto = await snapshotter.prepare("default/5/extract", "default/2/base");
    const blob = { digest: diff!.digest, size: Number(diff!.size) };
    const { applied } = await service.apply(applyRequest(blob, onto), callOf());
    assertEquals(applied?.digest, diffId);
    await snapshotter.commit("default/6/work", "default/5/extract");
    await made.change(await snapshotter.view("default/7/v", "default/6/work"), async (path) => {
      assertEquals(await Deno.readTextFile(`${path}/etc/motd`), "changed");
      assertEquals(await codeOfStat(`${path}/etc/old`), "gone");
    });
  },
});

async function codeOfStat(path: string): Promise<string> {
  return await Deno.lstat(path).then(() => "there", () => "gone");
}

Deno.test({
  name: "the Diff of a committed snapshot is its layer, and of no change an empty tar",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, snapshotter } = made;
    await changed(made);
    const nothing = await snapshotter.view("default/10/nothing", null);
    const base = await snapshotter.view("default/11/base", "default/2/base");
    const layer = await service.diff(diffRequest(nothing, base, { mediaType: TAR }), callOf());
    assertEquals(bytesOf(made, layer.diff?.digest), BASE);
    await snapshotter.commit("default/12/committed", "default/3/work");
    const work = await snapshotter.view("default/13/v", "default/12/committed");
    const change = await service.diff(diffRequest(base, work, { mediaType: TAR }), callOf());
    assert(bytesOf(made, change.diff?.digest).length > 300 * 512);
    const idle = await snapshotter.prepare("default/14/idle", "default/2/base");
    const empty = await service.diff(diffRequest(base, idle, { mediaType: TAR }), callOf());
    assertEquals(bytesOf(made, empty.diff?.digest), new Uint8Array(1024));
  },
});

Deno.test({
  name: "the blob of a layer's Diff is known: to apply it is instant",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, snapshotter, content } = made;
    await changed(made);
    const nothing = await snapshotter.view("default/10/nothing", null);
    const base = await snapshotter.view("default/11/base", "default/2/base");
    const { diff } = await service.diff(diffRequest(nothing, base), callOf());
    assertEquals(gunzipSync(bytesOf(made, diff?.digest)).length, BASE.length);
    await Deno.remove(content.file(diff?.digest as Digest));
    const onto = await snapshotter.prepare("default/12/extract", null);
    const blob = { digest: diff!.digest, size: Number(diff!.size) };
    const { applied } = await service.apply(applyRequest(blob, onto), callOf());
    assertEquals(applied?.digest, sha256(BASE));
  },
});

Deno.test({
  name:
    "a blob that containerd had before gets the label that says its diffID, and keeps its others",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, snapshotter, content } = made;
    await changed(made);
    const nothing = await snapshotter.view("default/10/nothing", null);
    const base = await snapshotter.view("default/11/base", "default/2/base");
    const ask = () => service.diff(diffRequest(nothing, base, { mediaType: TAR }), callOf());
    const { labels: before } = await content.add(BASE, { "example.org/mine": "1" });
    const { diff } = await ask();
    const { labels } = await content.info(diff?.digest as Digest, "default");
    assertEquals(labels, { ...before, "containerd.io/uncompressed": sha256(BASE) });
  },
});

Deno.test({
  name:
    "a Diff of others' mounts, of another parent, of an unknown media type or with a latest time is left to others",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, snapshotter, content } = made;
    const { left, right } = await changed(made);
    const nothing = await snapshotter.view("default/20/nothing", null);
    const rows = [
      diffRequest(nothing, right),
      diffRequest([], right),
      diffRequest(left, left),
      diffRequest(left, []),
      diffRequest(left, [{ ...right[0]!, options: [...right[0]!.options, "ro"] }]),
      diffRequest([{ ...left[0]!, options: ["rbind", "rw"] }], right),
      diffRequest(left, right, { mediaType: "application/vnd.oci.image.layer.v1.tar+xz" }),
      diffRequest(left, right, { sourceDateEpoch: { seconds: 1_000_000_000n } }),
    ];
    for (const request of rows) {
      await assertRejects(() => service.diff(request, callOf()), Declined);
    }
    assertEquals([content.calls.write, content.leases.size], [0, 0]);
  },
});

Deno.test({
  name: "a Diff that containerd does not take leaves nothing",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { service, content, store } = made;
    const { left, right } = await changed(made);
    const before = store.layers.list().length;
    content.write = async (_, bytes) => {
      for await (const chunk of bytes) void chunk;
      return { digest: sha256(new Uint8Array(1)), size: 1 };
    };
    assertEquals(await codeOf(() => service.diff(diffRequest(left, right), callOf())), "E_DIGEST");
    assertEquals([store.layers.list().length, store.leases.list()], [before, []]);
  },
});
