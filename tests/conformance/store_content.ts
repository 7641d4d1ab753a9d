import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { ByteString } from "../../lib/bytes/mod.ts";
import { type Digest, sha256 } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import type { Store } from "../../lib/store/mod.ts";
import { list } from "../../lib/tree/mod.ts";
import type { StoreTest } from "./store.ts";
import { bringLayer, type SampleLayer, sampleLayer } from "./store_layers.ts";

/** What a store promises about reading blobs and layers. */
export function contentConformance(test: StoreTest): void {
  test("blobs are read whole and as streams", async (store) => {
    const layer = await withLayer(store, sampleLayer(1, 700_000, 0));
    const blob = layer.blob as Uint8Array;
    const { verifiedAt = 0, ...known } = store.blobs.stat(layer.digest) ?? {};
    const { digest, mediaType } = layer;
    assertEquals(known, { digest, size: blob.length, mediaType });
    assert(verifiedAt > 0);
    assertEquals(await store.blobs.read(layer.digest), blob);
    assertEquals(await collect(await store.blobs.open(layer.digest)), blob);
  });

  test("parts of a blob are read, and nothing past its end", async (store) => {
    const { digest, blob } = await withLayer(store, sampleLayer(1, 700_000, 0));
    const bytes = blob as Uint8Array;
    for (
      const [start, end] of [[0, 0], [0, 1], [512, 300_000], [3, bytes.length], [
        bytes.length,
        bytes.length,
      ]] as const
    ) {
      const read = await collect(await store.blobs.open(digest, { run: { start, end } }));
      assertEquals(read, bytes.slice(start, end), `${start} to ${end}`);
    }
    for (const [start, end] of [[-1, 1], [2, 1], [0, bytes.length + 1], [0.5, 1], [0, NaN]]) {
      const run = { start: start as number, end: end as number };
      await assertRejects(() => store.blobs.open(digest, { run }), RangeError);
    }
    const signal = AbortSignal.abort("enough");
    const run = { start: 0, end: 1 };
    assertEquals(await store.blobs.open(digest, { run, signal }).catch((why) => why), "enough");
  });

  test("a document above the limit is not read", async (store) => {
    const { digest } = await withLayer(store, sampleLayer(1, 64, 0));
    const error = await assertRejects(() => store.blobs.read(digest, 31), VarveError);
    assertEquals(error.code, "E_LIMIT");
    assertEquals((await store.blobs.read(digest, 32)).length, 32);
  });

  test("what the store does not hold is not found", async (store) => {
    const digest = sha256(new Uint8Array(3)) as Digest;
    const { diffId } = sampleLayer(9);
    assertEquals(store.blobs.stat(digest), undefined);
    assertEquals(store.layers.get(diffId), undefined);
    assertEquals(store.layers.blobsOf(diffId), []);
    for (
      const read of [
        () => store.blobs.read(digest),
        () => store.blobs.open(digest),
        () => store.layers.tree(diffId),
        () => store.layers.open(diffId),
        () => store.layers.reader(diffId),
      ]
    ) {
      assertEquals((await assertRejects(read, VarveError)).code, "E_NOT_FOUND");
    }
  });

  test("a layer's tar is read whole and in parts", async (store) => {
    const { diffId, tar } = await withLayer(store, sampleLayer(1, 600_000));
    assertEquals(await collect(await store.layers.open(diffId)), tar);
    using reader = await store.layers.reader(diffId);
    assertEquals(reader.size, tar.length);
    for (
      const [position, length] of [[0, 0], [0, 512], [512, 300_000], [599_999, 1], [600_000, 0]]
    ) {
      const [from, count] = [position as number, length as number];
      assertEquals(reader.read(from, count), tar.slice(from, from + count));
    }
    const error = assertThrows(() => reader.read(599_999, 2), VarveError);
    assertEquals(error.code, "E_TRUNCATED");
    for (const [position, length] of [[-1, 1], [0.5, 1], [0, -1], [NaN, 1]]) {
      assertThrows(() => reader.read(position as number, length as number), RangeError);
    }
    reader[Symbol.dispose]();
  });

  test("a layer's tree is opened", async (store) => {
    const layer = await withLayer(store, sampleLayer(5));
    const tree = await store.layers.tree(layer.diffId);
    assertEquals(tree.digest, layer.treeDigest);
    assertEquals([...list(tree, "" as ByteString)].map((e) => String(e.name)), ["link-5"]);
  });

  test("a stream can be cancelled, and ends with the signal's reason", async (store) => {
    const { diffId, digest } = await withLayer(store, sampleLayer(1, 900_000, 0));
    for (
      const open of [
        store.layers.open.bind(store.layers, diffId),
        store.blobs.open.bind(store.blobs, digest),
      ]
    ) {
      const stream = await open();
      await stream.cancel();
      const reason = { why: "enough" };
      const abort = new AbortController();
      const reader = (await open({ signal: abort.signal })).getReader();
      await reader.read();
      abort.abort(reason);
      assertStrictEquals(await reasonOf(drain(reader)), reason);
      assertStrictEquals(await reasonOf(open({ signal: abort.signal })), reason);
    }
  });

  test("a store shares no buffer with its callers", async (store) => {
    const bytes = new Uint8Array([1, 2, 3]);
    await using ingest = await store.ingest();
    const { digest } = await ingest.blob(bytes, "");
    bytes.fill(9);
    await ingest.commit();
    const read = await store.blobs.read(digest);
    assertEquals(read, new Uint8Array([1, 2, 3]));
    read.fill(7);
    assertEquals(await store.blobs.read(digest), new Uint8Array([1, 2, 3]));
  });
}

async function withLayer(store: Store, layer: SampleLayer): Promise<SampleLayer> {
  await using ingest = await store.ingest();
  await bringLayer(ingest, layer);
  await ingest.commit();
  return layer;
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: BlobPart[] = [];
  for await (const piece of stream) pieces.push(piece.slice());
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("not rejected");
}
