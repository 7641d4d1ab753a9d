import { create } from "@bufbuild/protobuf";
import { assertEquals } from "@std/assert";
import { LayerHolds } from "../../../../lib/containerd/diff/layer_holds.ts";
import { WrittenBlobs } from "../../../../lib/containerd/diff/written_blobs.ts";
import { makeLayer } from "../../../../lib/containerd/diff/make_layer.ts";
import { adoptChain, type AdoptMode } from "../../../../lib/containerd/snapshots/adopt.ts";
import { PrepareSnapshotRequestSchema } from "../../../../lib/containerd/proto/generated/snapshots_pb.ts";
import { createSnapshotsService } from "../../../../lib/containerd/snapshots/snapshots_service.ts";
import { type ChainId, type DiffId, sha256 } from "../../../../lib/digest/mod.ts";
import { chainIds } from "../../../../lib/layer/mod.ts";
import { checkStore } from "../../../../lib/upkeep/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { callOf, type DiffFixture, diffFixture } from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

const ROOT = needs({ root: true, mount: true });
const REF = "containerd.io/snapshot.ref";
const CRI = "containerd.io/snapshot/cri.image-ref";
const LAYER = "containerd.io/snapshot/cri.layer-digest";
const { signal } = new AbortController();

/** Layers of the store, and their chainIDs. */
async function layersOf({ store, pool, content }: DiffFixture) {
  const diffIds: DiffId[] = [];
  const holds = new LayerHolds(store), written = new WrittenBlobs();
  const maker = { store, pool, content, rules: {}, holds, written };
  for (const name of ["a", "b"]) {
    const { digest, size } = await content.add(tarOf([{ name }]));
    const blob = { digest, size, namespace: "default" };
    diffIds.push((await makeLayer(maker, blob, undefined, signal)).diffId);
  }
  return { diffIds, chains: chainIds(diffIds) as [ChainId, ChainId] };
}

function adoptedRows({ store }: DiffFixture) {
  return store.snapshots.in("containerd").read((table) => table.list());
}

Deno.test({
  name:
    "a chain that the store holds becomes committed snapshots that containerd finds by label and parent",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store, snapshotter } = made;
    const { diffIds, chains } = await layersOf(made);
    store.chains.ensure(diffIds);
    const adopt = (parent: string | null, ref: string) =>
      adoptChain(store, { parent, labels: { [REF]: ref, [CRI]: "app:1" } }, "cri");
    const filter = (ref: string, parent: string) =>
      snapshotter.walk([`labels."${REF}"==${ref},parent==${JSON.stringify(parent)}`]);
    assertEquals(await adopt(null, chains[0]), true);
    const [lower] = filter(chains[0], "");
    assertEquals([lower?.kind, lower?.diffId, lower?.labels[CRI]], [
      "committed",
      diffIds[0],
      "app:1",
    ]);
    assertEquals(await adopt(lower!.key, chains[1]), true);
    const [upper] = filter(chains[1], lower!.key);
    assertEquals([upper?.kind, upper?.diffId], ["committed", diffIds[1]]);
    // Namespaces share it.
    assertEquals(await adopt(null, chains[0]), true);
    assertEquals(adoptedRows(made).length, 2);
    await made.change(await snapshotter.prepare("default/1/web", upper!.key), async (path) => {
      const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
      assertEquals(names.sort(), ["a", "b"]);
    });
    // The layers belong to the snapshots now, without any lease.
    for (const { id } of store.leases.list()) store.leases.remove(id);
    await store.collector.collect();
    assertEquals(store.layers.list().map(({ diffId }) => diffId), diffIds.toSorted());
  },
});

Deno.test({
  name: "a chain that several calls adopt at once becomes one snapshot with one directory",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store } = made;
    const { diffIds, chains } = await layersOf(made);
    store.chains.ensure(diffIds);
    const adopt = () =>
      adoptChain(store, { parent: null, labels: { [REF]: chains[0], empty: "" } }, "all");
    assertEquals(await Promise.all([adopt(), adopt(), adopt()]), [true, true, true]);
    const rows = adoptedRows(made);
    assertEquals(rows.map(({ diffId, labels }) => [diffId, { ...labels }]), [
      [diffIds[0]!, { [REF]: chains[0] }],
    ]);
    const directories = await Array.fromAsync(Deno.readDir(`${store.root}/snapshots`));
    assertEquals(directories.map(({ name }) => name), [`${rows[0]!.cacheId}`]);
    assertEquals(await checkStore(store), []);
  },
});

Deno.test({
  name: "the mode says whose pulls adopt",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store } = made;
    const { diffIds, chains } = await layersOf(made);
    store.chains.ensure(diffIds);
    const adopt = (mode: AdoptMode, labels: Record<string, string>) =>
      adoptChain(store, { parent: null, labels }, mode);
    const ref = { [REF]: chains[0] };
    assertEquals(await adopt("cri", ref), false);
    assertEquals(await adopt("off", { ...ref, [CRI]: "app:1" }), false);
    assertEquals(await adopt("all", { [CRI]: "app:1" }), false);
    assertEquals(await adopt("all", { [REF]: "web" }), false);
    assertEquals(adoptedRows(made), []);
    assertEquals(await adopt("all", ref), true);
  },
});

Deno.test({
  name: "without a row of the chain the hash in its name proves which layer it is",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store } = made;
    const { diffIds, chains } = await layersOf(made);
    const adopt = (parent: string | null, ref: string, layer: string) =>
      adoptChain(store, { parent, labels: { [REF]: ref, [LAYER]: layer } }, "cri");
    assertEquals(await adopt(null, chains[0], sha256(new Uint8Array(3))), false);
    assertEquals(await adopt(null, chains[0], diffIds[1]!), false);
    assertEquals(await adopt(null, chains[0], diffIds[0]!), true);
    const [lower] = adoptedRows(made);
    // On another parent it would be another chain.
    assertEquals(await adopt(null, chains[1], diffIds[1]!), false);
    assertEquals(await adopt(lower!.key, chains[1], diffIds[1]!), true);
    // Another client names the chain alone: the snapshots that are there say what it is.
    const byRef = (parent: string | null, ref: string) =>
      adoptChain(store, { parent, labels: { [REF]: ref } }, "all");
    assertEquals(await byRef(null, chains[0]), true);
    assertEquals(await byRef(lower!.key, chains[1]), true);
    assertEquals(adoptedRows(made).length, 2);
    assertEquals(await byRef(null, chains[1]), false);
  },
});

Deno.test({
  name: "a chain is held only with all its layers, verified, and on a parent of layers",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store, snapshotter } = made;
    const { diffIds, chains } = await layersOf(made);
    store.chains.ensure(diffIds);
    const adopt = (parent: string | null, ref: string) =>
      adoptChain(store, { parent, labels: { [REF]: ref } }, "all");
    await snapshotter.prepare("default/1/a", null);
    assertEquals(await adopt("default/1/a", chains[1]), false);
    await snapshotter.commit("default/2/a", "default/1/a");
    assertEquals(await adopt("default/2/a", chains[1]), false);
    assertEquals(await adopt("default/3/missing", chains[1]), false);
    assertEquals(await adopt(null, chains[0]), true);
    const lower = adoptedRows(made).find(({ diffId }) => diffId !== null)!.key;
    store.directories.noteDamage(diffIds[0]!);
    assertEquals(await adopt(lower, chains[1]), false);
  },
});

Deno.test({
  name: "a layer whose tar is cut is not adopted",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store } = made;
    const { diffIds, chains } = await layersOf(made);
    store.chains.ensure(diffIds);
    await Deno.truncate(store.directories.layerTar(diffIds[0]!), 100);
    assertEquals(
      await adoptChain(store, { parent: null, labels: { [REF]: chains[0] } }, "all"),
      false,
    );
  },
});

Deno.test({
  name: "a Prepare of an adopted chain answers that it exists, and makes no snapshot of its own",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { store, snapshotter } = made;
    const { diffIds, chains } = await layersOf(made);
    store.chains.ensure(diffIds);
    const service = createSnapshotsService({
      snapshotter,
      adopt: (request) => adoptChain(store, request, "cri"),
    });
    const prepare = (labels: Record<string, string>) =>
      codeOf(() =>
        service.prepare(
          create(PrepareSnapshotRequestSchema, { key: "default/1/extract-1-x y", labels }),
          callOf(),
        )
      );
    assertEquals(await prepare({ [REF]: chains[0], [CRI]: "app:1" }), "E_EXISTS");
    assertEquals(adoptedRows(made).map(({ kind }) => kind), ["committed"]);
    assertEquals(await prepare({ [REF]: chains[0] }), "ok");
  },
});
