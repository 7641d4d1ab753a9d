/** What a store promises about kept bytes: those of a layer whose making ended early. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import type { Ingest, StagedLayer, Store } from "../../lib/store/mod.ts";
import type { StoreTest } from "./store.ts";
import { arrive, finishLayer, runJob, type SampleLayer, sampleLayer } from "./store_layers.ts";

const HALF = 1000;
/** A compressed layer and an uncompressed one. */
const LAYERS = [sampleLayer(1, 4096, 0), sampleLayer(2)];

/** How many of `bytes` a store keeps: a memory store, which ends with its process, keeps none. */
function keeps(store: Store, bytes: number): number {
  return store.root === null ? 0 : bytes;
}

async function begin(
  ingest: Ingest,
  { key }: SampleLayer,
  keep = true,
): Promise<StagedLayer> {
  const begun = await ingest.layer(key, { blob: true, keep });
  assert(begun.state === "new");
  return begun.staged;
}

/** Begins a layer, receives half of it, and ends the ingest. */
async function bringHalf(store: Store, layer: SampleLayer): Promise<void> {
  await using ingest = await store.ingest();
  const staged = await begin(ingest, layer);
  assertEquals(staged.kept, 0);
  await arrive(layer, staged.target, HALF);
}

/** Registers the tests. */
export function keptConformance(test: StoreTest): void {
  test("kept bytes are found by the next maker, and go with the commit of the layer", async (store) => {
    for (const layer of LAYERS) {
      await bringHalf(store, layer);
      {
        await using ingest = await store.ingest();
        const staged = await begin(ingest, layer);
        assertEquals(staged.kept, keeps(store, HALF));
        await arrive(layer, staged.target, HALF + 500);
        await staged.suspend();
      }
      await using ingest = await store.ingest();
      const staged = await begin(ingest, layer);
      assertEquals(staged.kept, keeps(store, HALF + 500));
      await finishLayer(staged, layer);
      const [record] = (await ingest.commit()).layers;
      assertEquals([record?.diffId, record?.size], [layer.diffId, layer.tar.length]);
      for (const [digest, bytes] of [[layer.digest, layer.blob ?? layer.tar]] as const) {
        assertEquals(await store.blobs.read(digest), bytes);
      }
      const tar = await store.layers.open(layer.diffId);
      assertEquals(new Uint8Array(await new Response(tar as BodyInit).arrayBuffer()), layer.tar);
      assertEquals(await keptOf(store), []);
    }
  });

  test("a layer that was finished and never committed leaves all its bytes", async (store) => {
    for (const layer of LAYERS) {
      {
        await using ingest = await store.ingest();
        await finishLayer(await begin(ingest, layer), layer);
      }
      await using ingest = await store.ingest();
      const staged = await begin(ingest, layer);
      assertEquals(staged.kept, keeps(store, (layer.blob ?? layer.tar).length));
      await finishLayer(staged, layer);
      await ingest.commit();
      assertEquals(await keptOf(store), []);
    }
  });

  test("discard removes kept bytes", async (store) => {
    const [layer] = LAYERS as [SampleLayer];
    await bringHalf(store, layer);
    await using ingest = await store.ingest();
    const staged = await begin(ingest, layer);
    const output = await runJob(layer, staged.target);
    await assertRejects(
      () => staged.finish({ ...output, digest: layer.diffId }, layer.mediaType),
      VarveError,
    );
    await staged.discard();
    assertEquals(await keptOf(store), []);
    const again = await begin(ingest, layer);
    assertEquals(again.kept, 0);
    await again.discard();
  });

  test("without keep, bytes are neither found nor left", async (store) => {
    const [layer] = LAYERS as [SampleLayer];
    {
      await using ingest = await store.ingest();
      const staged = await begin(ingest, layer, false);
      await arrive(layer, staged.target, HALF);
      await staged.suspend();
    }
    assertEquals(await keptOf(store), []);
    await bringHalf(store, layer);
    await using ingest = await store.ingest();
    const staged = await begin(ingest, layer, false);
    assertEquals(staged.kept, 0);
    await finishLayer(staged, layer);
    await ingest.commit();
    assertEquals(await keptOf(store), []);
  });

  test("a waiting maker continues where the one before it gave up", async (store) => {
    const [layer] = LAYERS as [SampleLayer];
    await using first = await store.ingest();
    await using second = await store.ingest();
    const staged = await begin(first, layer);
    const waiting = begin(second, layer);
    await arrive(layer, staged.target, HALF);
    await staged.suspend();
    const next = await waiting;
    assertEquals(next.kept, keeps(store, HALF));
    await finishLayer(next, layer);
    await second.commit();
  });
}

/** Names of the files with kept bytes. */
async function keptOf({ root }: Store): Promise<string[]> {
  const names: string[] = [];
  if (root === null) return names;
  for await (const { name } of Deno.readDir(`${root}/ingest`)) {
    if (name.endsWith(".part")) names.push(name);
  }
  return names;
}
