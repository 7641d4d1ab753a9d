/** What an ingest promises about layers: who makes one, who waits for it, and who takes it from another. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { sha256 } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { codeOf } from "../support/code_of.ts";
import type { StoreTest } from "./store.ts";
import { bringLayer, finishLayer, runJob, sampleLayer } from "./store_layers.ts";

/** Registers the tests. */
export function ingestLayersConformance(test: StoreTest): void {
  test("a layer is known by its diffID and by each blob that was proved to hold it", async (store) => {
    const gzip = sampleLayer(7, 4096, 1);
    const zstd = sampleLayer(7, 4096, 2);
    for (const layer of [gzip, zstd]) {
      await using ingest = await store.ingest();
      assertEquals(await bringLayer(ingest, layer), "new");
      await ingest.commit();
    }
    assertEquals(store.layers.list().length, 1);
    assertEquals(store.layers.blobsOf(gzip.diffId), [gzip.digest, zstd.digest].sort());
    assertEquals(store.layers.byBlob(zstd.digest)?.diffId, gzip.diffId);
    assertEquals(store.layers.byBlob(sha256(bytes("x"))), undefined);
    await using ingest = await store.ingest();
    for (const key of [{ digest: gzip.digest }, { diffId: gzip.diffId }, zstd.key]) {
      const begun = await ingest.layer(key);
      assertEquals(begun.state === "present" && begun.record.diffId, gzip.diffId);
    }
    const other = sampleLayer(7, 4096, 3);
    assertEquals((await ingest.layer(other.key)).state, "present");
    const begun = await ingest.layer(other.key, { blob: true });
    assertEquals(begun.state, "new");
  });

  test("F26: a blob that holds one layer is refused as another", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    const lie = { digest: layer.digest, diffId: sampleLayer(2).diffId };
    await using ingest = await store.ingest();
    await bringLayer(ingest, layer);
    await using second = await store.ingest();
    await rejects(() => second.layer(lie), "E_DIFFID");
    await ingest.commit();
    await rejects(() => second.layer(lie), "E_DIFFID");
  });

  test("the tar of a layer that the store holds becomes a blob without being read again", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    await using first = await store.ingest();
    await bringLayer(first, layer);
    await first.commit();
    assertEquals(store.blobs.stat(layer.diffId), undefined);
    await using second = await store.ingest();
    const key = { digest: layer.diffId, diffId: layer.diffId };
    assertEquals(await bringLayer(second, layer, key), "present");
    await second.commit();
    assertEquals(store.blobs.stat(layer.diffId)?.size, layer.tar.length);
    assertEquals(await store.blobs.read(layer.diffId), layer.tar);
    assertEquals(store.layers.byBlob(layer.diffId)?.diffId, layer.diffId);
  });

  test("one ingest can want a layer's compressed blob and its tar", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    const plain = { digest: layer.diffId, diffId: layer.diffId };
    await using first = await store.ingest();
    assertEquals(await bringLayer(first, layer), "new");
    assertEquals(await bringLayer(first, layer, plain), "present");
    await first.commit();
    assertEquals(store.blobs.list().map((b) => b.digest), [layer.digest, layer.diffId].sort());
    assertEquals(await store.blobs.read(layer.diffId), layer.tar);
    assertEquals(await store.blobs.read(layer.digest), layer.blob);
    assertEquals(await collect(await store.layers.open(layer.diffId)), layer.tar);
  });

  test("a second maker waits for the first and takes its layer over", async (store) => {
    const layer = sampleLayer(1);
    await using first = await store.ingest();
    await using second = await store.ingest();
    const begun = await first.layer(layer.key);
    const waiting = second.layer(layer.key);
    if (begun.state !== "new") throw new Error("not new");
    await finishLayer(begun.staged, layer);
    const taken = await waiting;
    assertEquals(taken.state === "present" && taken.record.cacheId, 0);
    const [a, b] = await Promise.all([first.commit(), second.commit()]);
    assertEquals(a.layers, b.layers);
    assertEquals(a.layers.length, 1);
  });

  test("a layer that was taken over outlives the ingest that made it", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    await using second = await store.ingest();
    {
      await using first = await store.ingest();
      await bringLayer(first, layer);
      assertEquals(await bringLayer(second, layer), "present");
    }
    await second.commit();
    assertEquals(await store.blobs.read(layer.digest), layer.blob);
    assertEquals(await collect(await store.layers.open(layer.diffId)), layer.tar);
  });

  test("a layer stays on offer when an ingest that took it over ends", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    await using maker = await store.ingest();
    await bringLayer(maker, layer);
    {
      await using taker = await store.ingest();
      assertEquals(await bringLayer(taker, layer), "present");
    }
    await using third = await store.ingest();
    assertEquals(await bringLayer(third, layer), "present");
    await third.commit();
    await maker.commit();
    assertEquals(store.layers.list().length, 1);
  });

  test("a maker that gives up lets the next one make it", async (store) => {
    const layer = sampleLayer(1);
    await using second = await store.ingest();
    const first = await store.ingest();
    const begun = await first.layer(layer.key);
    const waiting = second.layer(layer.key);
    if (begun.state === "new") await begun.staged.discard();
    const next = await waiting;
    assertEquals(next.state, "new");
    // It is awaited at once: a rejection that nobody awaits yet would end the whole file.
    const refused = assertRejects(() => first.layer(layer.key));
    await first[Symbol.asyncDispose]();
    if (next.state === "new") await next.staged.discard();
    await refused;
  });

  test("an ingest that ends while it begins a layer leaves it to others", async (store) => {
    for (let turns = 0; turns < 16; turns++) {
      const { key } = sampleLayer(turns + 1);
      const first = await store.ingest();
      const state = first.layer(key).then((begun) => begun.state, (error) => error.code);
      for (let i = 0; i < turns; i++) await Promise.resolve();
      await first[Symbol.asyncDispose]();
      {
        await using second = await store.ingest();
        const signal = AbortSignal.timeout(60_000);
        assertEquals((await second.layer(key, { signal })).state, "new", `after ${turns} turns`);
      }
      // The first may still wait for the lock of the layer.
      assert(await state !== "present");
    }
  });

  test("the wait for a maker ends with the signal's reason", async (store) => {
    const { key } = sampleLayer(1);
    await using first = await store.ingest();
    await first.layer(key);
    await using second = await store.ingest();
    const reason = { why: "enough" };
    const abort = new AbortController();
    const waiting = second.layer(key, { signal: abort.signal });
    abort.abort(reason);
    assertStrictEquals(await reasonOf(waiting), reason);
    assertStrictEquals(await reasonOf(second.layer(key, { signal: abort.signal })), reason);
  });

  test("one ingest can name a layer twice", async (store) => {
    const layer = sampleLayer(1);
    await using ingest = await store.ingest();
    assertEquals(await bringLayer(ingest, layer), "new");
    assertEquals(await bringLayer(ingest, layer), "present");
    ingest.chain([layer.diffId, layer.diffId]);
    const { layers } = await ingest.commit();
    assertEquals(layers.length, 1);
    assertEquals(store.chains.list().length, 2);
  });

  test("two ingests that need each other's layers do not wait for each other's commit", async (store) => {
    const [a, b] = [sampleLayer(1), sampleLayer(2)];
    await using first = await store.ingest();
    await using second = await store.ingest();
    await bringLayer(first, a);
    await bringLayer(second, b);
    const states = await Promise.all([bringLayer(first, b), bringLayer(second, a)]);
    assertEquals(states, ["present", "present"]);
    const [x, y] = await Promise.all([first.commit(), second.commit()]);
    assertEquals(x.layers.map((l) => l.diffId), y.layers.map((l) => l.diffId).reverse());
    assertEquals(store.layers.list().length, 2);
  });

  test("a job's output that is not what was begun is refused", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    const other = sampleLayer(2, 4096, 0);
    await using ingest = await store.ingest();
    for (
      const [key, code] of [
        [{ digest: other.digest }, "E_DIGEST"],
        [{ diffId: other.diffId }, "E_DIFFID"],
      ] as const
    ) {
      const begun = await ingest.layer(key);
      if (begun.state !== "new") throw new Error("not new");
      const output = await runJob(layer, begun.staged.target);
      await rejects(() => begun.staged.finish(output, ""), code);
      await begun.staged.discard();
    }
    const begun = await ingest.layer(layer.key);
    if (begun.state !== "new") throw new Error("not new");
    const output = await runJob(layer, begun.staged.target);
    const longer = { ...output, uncompressedSize: output.uncompressedSize + 1 };
    await rejects(() => begun.staged.finish(longer, ""), "E_SIZE");
    await begun.staged.discard();
    await ingest.commit();
    assertEquals([
      store.blobs.list(),
      store.layers.list(),
      store.chains.list(),
      store.images.list(),
    ], [[], [], [], []]);
  });

  test("a layer of which nothing is known is always made", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    for (let time = 0; time < 2; time++) {
      await using ingest = await store.ingest();
      assertEquals(await bringLayer(ingest, layer, {}), "new");
      await finishLayer(await ingest.newLayer(), layer);
      assertEquals((await ingest.commit()).layers.length, 1);
    }
    assertEquals(store.layers.list().length, 1);
    assertEquals(await store.blobs.read(layer.digest), layer.blob);
  });

  test("newLayer needs an open ingest, which is not committed before the layer is finished or given up", async (store) => {
    const ingest = await store.ingest();
    const staged = await ingest.newLayer();
    assertEquals(await codeOf(() => ingest.commit()), "E_PRECONDITION");
    await staged.discard();
    assertEquals((await ingest.commit()).layers, []);
    assertEquals(await codeOf(() => ingest.newLayer()), "E_PRECONDITION");
  });

  test("finishing a layer twice is the caller's mistake", async (store) => {
    await using ingest = await store.ingest();
    const layer = sampleLayer(1);
    const begun = await ingest.layer(layer.key);
    if (begun.state !== "new") throw new Error("not new");
    await finishLayer(begun.staged, layer);
    const { staged } = begun;
    await assertRejects(() => staged.finish(null as never, ""), TypeError);
    await staged.discard();
    await ingest.commit();
    assertEquals(store.layers.list().length, 1);
  });
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

async function rejects(fn: () => Promise<unknown>, code: string): Promise<void> {
  const error = await assertRejects(fn, VarveError);
  assertEquals(error.code, code, error.message);
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("not rejected");
}
