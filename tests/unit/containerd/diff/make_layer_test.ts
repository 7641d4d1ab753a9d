import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { WrittenBlobs } from "../../../../lib/containerd/diff/written_blobs.ts";
import { findBlob } from "../../../../lib/containerd/diff/blob_bytes.ts";
import { LayerHolds } from "../../../../lib/containerd/diff/layer_holds.ts";
import {
  knownLayer,
  type LayerMaker,
  makeLayer,
} from "../../../../lib/containerd/diff/make_layer.ts";
import { type DiffId, sha256 } from "../../../../lib/digest/mod.ts";
import { MEDIA_TYPES } from "../../../../lib/oci/mod.ts";
import { createPool } from "../../../../lib/pool/mod.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { FakeContent } from "../../../support/containerd/fake_content.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

const TAR = tarOf([{ name: "etc/" }, { name: "etc/motd", content: "hello" }]);
const GZIP = new Uint8Array(gzipSync(TAR));
const DIFF_ID = sha256(TAR);
const { signal } = new AbortController();

interface Fixture extends AsyncDisposable {
  readonly maker: LayerMaker;
  readonly content: FakeContent;
}

async function fixture(): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir());
  const store = stack.use(await openStore({ root: temp.join("store"), durability: "none" }));
  const pool = stack.use(createPool({ inline: true }));
  const content = await FakeContent.make(temp.join("content"));
  const owned = stack.move();
  return {
    maker: {
      store,
      pool,
      content,
      rules: {},
      holds: new LayerHolds(store),
      written: new WrittenBlobs(),
    },
    content,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

for (const hasRoot of [true, false]) {
  const way = hasRoot ? "as a file" : "as a stream";
  Deno.test(`a layer is made of containerd's blob, read ${way}, which is not kept`, async () => {
    await using made = await fixture();
    const { maker, content } = made;
    const { store } = maker;
    content.hasRoot = hasRoot;
    for (const bytes of [GZIP, new Uint8Array(zstdCompressSync(TAR)), TAR]) {
      const { digest } = await content.add(bytes);
      const blob = await findBlob(content, digest, bytes.length, "default", signal);
      const layer = await makeLayer(maker, blob, undefined, signal);
      assertEquals([layer.diffId, layer.size], [DIFF_ID, TAR.length]);
      assertEquals(knownLayer(maker, digest)?.diffId, layer.diffId);
      // The uncompressed blob is the tar of the layer itself.
      if (bytes !== TAR) assertEquals(store.blobs.stat(digest), undefined);
      const [lease, ...others] = store.leases.list();
      assertEquals(others, []);
      assertEquals(lease?.resources, [`layer:${layer.diffId}`]);
      const minutes = ((lease?.expiresAt ?? 0) - Date.now()) / 60_000;
      assert(minutes > 5 && minutes < 15, String(minutes));
    }
    maker.holds.end(DIFF_ID as DiffId);
    maker.holds.end(DIFF_ID as DiffId);
    assertEquals(store.leases.list(), []);
    assertEquals(content.calls.read > 0, !hasRoot);
  });
}

Deno.test("a blob that is cut, flipped, replaced by a link or missing: one clear error, then a good one works", async () => {
  await using made = await fixture();
  const { maker, content } = made;
  const { digest, size } = await content.add(GZIP);
  const blob = { digest, size, namespace: "default" };
  const file = content.file(digest);
  const flipped = GZIP.slice();
  flipped[GZIP.length >> 1]! ^= 1;
  const rows: readonly (readonly [string, string, () => Promise<void>])[] = [
    ["cut", "E_SIZE", () => Deno.truncate(file, size - 1)],
    ["flipped", "E_DIGEST", () => Deno.writeFile(file, flipped)],
    ["a link", "E_DAMAGE", async () => {
      await Deno.rename(file, `${file}.good`);
      await Deno.symlink(`${file}.good`, file);
    }],
    ["missing", "E_NOT_FOUND", () => Deno.remove(file)],
  ];
  for (const [what, code, damage] of rows) {
    await damage();
    assertEquals(await codeOf(() => makeLayer(maker, blob, undefined, signal)), code, what);
    await assertRejects(() => makeLayer(maker, blob, undefined, signal), Error, digest);
    await Deno.remove(file).catch(() => {});
    await Deno.writeFile(file, GZIP);
  }
  assertEquals(maker.store.layers.list(), []);
  assertEquals(maker.store.leases.list(), []);
  assertEquals((await makeLayer(maker, blob, undefined, signal)).diffId, DIFF_ID);
});

Deno.test("a layer that is refused leaves nothing", async () => {
  await using made = await fixture();
  const { maker, content } = made;
  const rows: readonly (readonly [string, Uint8Array, string])[] = [
    ["E_PATH_ESCAPE", tarOf([{ name: "../up" }]), MEDIA_TYPES.layer],
    ["E_COMPRESSION", GZIP, MEDIA_TYPES.layer],
    ["E_TRUNCATED", TAR.subarray(0, 700), MEDIA_TYPES.layer],
  ];
  for (const [code, bytes, mediaType] of rows) {
    const { digest, size } = await content.add(bytes);
    const blob = { digest, size, namespace: "default" };
    assertEquals(await codeOf(() => makeLayer(maker, blob, mediaType, signal)), code);
  }
  const { store } = maker;
  assertEquals([store.layers.list(), store.leases.list(), store.blobs.list()], [[], [], []]);
});

Deno.test("the size of the descriptor and the namespace count before any byte is read", async () => {
  await using made = await fixture();
  const { content } = made;
  const { digest, size } = await content.add(GZIP);
  const find = (stated: number, namespace: string) => () =>
    findBlob(content, digest, stated, namespace, signal);
  assertEquals(await codeOf(find(size + 1, "default")), "E_SIZE");
  assertEquals(await codeOf(find(size, "other")), "E_NOT_FOUND");
  assertEquals(await codeOf(find(0, "default")), "ok");
});

Deno.test("a cancelled making ends at once and leaves nothing", async () => {
  await using made = await fixture();
  const { maker, content } = made;
  content.hasRoot = false;
  const { digest, size } = await content.add(TAR);
  const controller = new AbortController();
  content.onRead = () => {
    controller.abort(new Error("gone"));
    return Promise.resolve();
  };
  const blob = { digest, size, namespace: "default" };
  await assertRejects(
    () => makeLayer(maker, blob, undefined, controller.signal),
    Error,
    "gone",
  );
  assertEquals([maker.store.layers.list(), maker.store.leases.list()], [[], []]);
});
