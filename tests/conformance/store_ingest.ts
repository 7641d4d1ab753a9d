import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Digest, sha256 } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { chainIds } from "../../lib/layer/mod.ts";
import type { Store } from "../../lib/store/mod.ts";
import type { StoreTest } from "./store.ts";
import { bringLayer, runJob, sampleLayer } from "./store_layers.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** What an ingest promises about commits, documents and names. */
export function ingestConformance(test: StoreTest): void {
  test("a commit makes blobs, layers, chain and names visible", async (store) => {
    const lower = sampleLayer(1);
    const upper = sampleLayer(2, 2048, 0);
    await using ingest = await store.ingest();
    const manifest = await ingest.blob(bytes("{}"), MANIFEST);
    await bringLayer(ingest, lower);
    await bringLayer(ingest, upper);
    ingest.image("example.org/a:1", manifest);
    ingest.image(null, manifest);
    ingest.chain([lower.diffId, upper.diffId]);
    assertEquals(snapshotOf(store), EMPTY);
    const result = await ingest.commit();
    assertEquals(result.images.map((i) => i.name), [
      "example.org/a:1",
      `<none>@${manifest.digest}`,
    ]);
    assertEquals(result.layers.map((l) => l.diffId), [lower.diffId, upper.diffId]);
    const records = [lower, upper].map((l) => store.layers.get(l.diffId));
    assertEquals<unknown>(result.layers, records);
    assertEquals(new Set(result.layers.map((l) => l.cacheId)).size, 2);
    assert(result.layers.every((l) => l.cacheId > 0 && l.verifiedAt > 0));
    assertEquals(store.images.list().map((i) => i.target), [manifest, manifest]);
    const digests = [manifest.digest, lower.digest, upper.digest].sort();
    assertEquals(store.blobs.list().map((b) => b.digest), digests);
    const [first, second] = chainIds([lower.diffId, upper.diffId]);
    assertEquals(store.chains.list().map((c) => c.chainId).sort(), [first, second].sort());
  });

  test("an ingest without commit leaves nothing", async (store) => {
    {
      await using ingest = await store.ingest();
      const target = await ingest.blob(bytes("{}"), MANIFEST);
      await bringLayer(ingest, sampleLayer(1));
      ingest.image("a", target);
      const begun = await ingest.layer(sampleLayer(2).key);
      if (begun.state === "new") await runJob(sampleLayer(2), begun.staged.target);
    }
    assertEquals(snapshotOf(store), EMPTY);
  });

  test("a commit that fails leaves nothing", async (store) => {
    const layer = sampleLayer(1);
    const target = { mediaType: MANIFEST, digest: sha256(bytes("absent")), size: 6 };
    for (const name of ["a", null]) {
      await using ingest = await store.ingest();
      await ingest.blob(bytes("{}"), MANIFEST);
      await bringLayer(ingest, layer);
      ingest.image(name, target);
      await rejects(() => ingest.commit(), "E_NOT_FOUND");
    }
    {
      await using ingest = await store.ingest();
      await bringLayer(ingest, layer);
      ingest.chain([layer.diffId, sampleLayer(2).diffId]);
      await rejects(() => ingest.commit(), "E_PRECONDITION");
    }
    assertEquals(snapshotOf(store), EMPTY);
  });

  test("committing what the store holds changes nothing", async (store) => {
    const layer = sampleLayer(1, 4096, 0);
    const commit = async () => {
      await using ingest = await store.ingest();
      const target = await ingest.blob(bytes("{}"), MANIFEST);
      const state = await bringLayer(ingest, layer);
      ingest.image("a", target);
      ingest.chain([layer.diffId]);
      await ingest.commit();
      return state;
    };
    assertEquals(await commit(), "new");
    const before = snapshotOf(store);
    assertEquals(await commit(), "present");
    assertEquals(snapshotOf(store), before);
  });

  test("an empty commit is a success", async (store) => {
    await using ingest = await store.ingest();
    ingest.chain([]);
    assertEquals(await ingest.commit(), { images: [], layers: [] });
  });

  test("an ingest cannot be used after commit or dispose", async (store) => {
    const committed = await store.ingest();
    await committed.commit();
    const disposed = await store.ingest();
    await disposed[Symbol.asyncDispose]();
    for (const ingest of [committed, disposed]) {
      await rejects(() => ingest.commit(), "E_PRECONDITION");
      await rejects(() => ingest.blob(bytes("x"), ""), "E_PRECONDITION");
      await rejects(() => ingest.layer(sampleLayer(1).key), "E_PRECONDITION");
      await ingest[Symbol.asyncDispose]();
    }
  });

  test("a commit is refused while a layer is being made", async (store) => {
    await using ingest = await store.ingest();
    const begun = await ingest.layer(sampleLayer(1).key);
    await rejects(() => ingest.commit(), "E_PRECONDITION");
    if (begun.state === "new") await begun.staged.discard();
    await ingest.commit();
    assertEquals(snapshotOf(store), EMPTY);
  });

  test("F02, F01: documents and streams are verified, size first", async (store) => {
    await using ingest = await store.ingest();
    const digest = sha256(bytes("right"));
    const stream = (text: string) =>
      ReadableStream.from([bytes(text.slice(0, 2)), bytes(text.slice(2))]);
    const cases = [["right!", 5, "E_SIZE"], ["righ", 5, "E_SIZE"], [
      "wrong",
      5,
      "E_DIGEST",
    ]] as const;
    for (const [text, size, code] of cases) {
      await rejects(() => ingest.blob(bytes(text), "", { digest, size }), code);
      await rejects(() => ingest.blobStream(stream(text), "", { digest, size }), code);
    }
    const failing = async function* () {
      yield bytes("ri");
      await Promise.resolve();
      throw new RangeError("source");
    };
    await assertRejects(() => ingest.blobStream(failing(), "", { digest, size: 5 }), RangeError);
    const expected = { digest, size: 5 };
    const descriptor = { mediaType: "text/plain", ...expected };
    assertEquals(await ingest.blobStream(stream("right"), "text/plain", expected), descriptor);
    assertEquals(await ingest.blobStream(stream("right"), "text/plain"), descriptor);
    assertEquals(await ingest.blob(bytes("right"), "text/plain"), descriptor);
    await ingest.commit();
    assertEquals(store.blobs.list().map(({ verifiedAt: _, ...rest }) => rest), [descriptor]);
  });

  test("F05: the same content under sha256 and sha512 is two blobs, each verified", async (store) => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes("x")));
    const digest = `sha512:${hash.toHex()}` as Digest;
    await using ingest = await store.ingest();
    await ingest.blob(bytes("x"), "", { digest, size: 1 });
    await ingest.blob(bytes("x"), "");
    await rejects(() => ingest.blob(bytes("y"), "", { digest, size: 1 }), "E_DIGEST");
    await ingest.commit();
    assertEquals(store.blobs.list().map((b) => b.digest), [sha256(bytes("x")), digest]);
    assertEquals(await store.blobs.read(digest), bytes("x"));
  });
}

/** Everything that is visible in a store, without times. */
function snapshotOf(store: Store): unknown {
  return {
    blobs: store.blobs.list().map(({ verifiedAt: _, ...rest }) => rest),
    layers: store.layers.list().map(({ verifiedAt: _, ...rest }) => rest),
    chains: store.chains.list(),
    images: store.images.list().map(({ name, target }) => ({ name, target })),
  };
}

const EMPTY = { blobs: [], layers: [], chains: [], images: [] };

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function rejects(fn: () => Promise<unknown>, code: string): Promise<void> {
  const error = await assertRejects(fn, VarveError);
  assertEquals(error.code, code, error.message);
}
