import { assertEquals } from "@std/assert";
import type { ContentBlob } from "../../../../lib/containerd/diff/blob_bytes.ts";
import { layersOf, manifestFilters, Siblings } from "../../../../lib/containerd/diff/siblings.ts";
import { type Digest, sha256 } from "../../../../lib/digest/mod.ts";
import { FakeContent } from "../../../support/containerd/fake_content.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const TEXT = new TextEncoder();

/** Siblings whose making waits until it is told to end. */
async function fixture(root: string, count: number) {
  const content = await FakeContent.make(root);
  const layers = [];
  for (let i = 0; i < count; i++) layers.push(await content.add(TEXT.encode(`layer ${i}`)));
  const asked: { readonly digest: Digest; readonly end: PromiseWithResolvers<void> }[] = [];
  const begun: PromiseWithResolvers<void>[] = [];
  const make = async ({ digest }: ContentBlob, signal: AbortSignal) => {
    const end = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => end.reject(signal.reason), { once: true });
    asked.push({ digest, end });
    begun.shift()?.resolve();
    await end.promise;
  };
  /** Waits until one more layer is begun. */
  const next = () => {
    const one = Promise.withResolvers<void>();
    begun.push(one);
    return one.promise;
  };
  return { content, layers, asked, next, siblings: new Siblings({ content, atOnce: 2, make }) };
}

Deno.test("the layers above the one that is asked for are begun, some at once, each once", async () => {
  await using temp = await tempDir();
  const { content, layers, asked, next, siblings } = await fixture(temp.join("content"), 5);
  const [first, second, third, fourth, fifth] = layers;
  // Not here yet, and not in this namespace.
  await content.add(TEXT.encode("layer 0"), {}, "other");
  await content.addManifest(layers);
  const two = [next(), next()];
  siblings.begin(second!.digest, "default");
  await Promise.all(two);
  assertEquals(asked.map(({ digest }) => digest), [third!.digest, fourth!.digest]);
  // A second layer of the same image asks containerd for nothing.
  siblings.begin(first!.digest, "default");
  assertEquals(content.calls.list, 1);
  const last = next();
  // A sibling that fails is silent, and the others go on.
  asked[0]?.end.reject(new Error("bad layer"));
  await last;
  assertEquals(asked.map(({ digest }) => digest).at(-1), fifth!.digest);
  for (const { end } of asked) end.resolve();
  await siblings.close();
});

Deno.test("of several manifests with a layer the newest one counts", async () => {
  await using temp = await tempDir();
  const { content, layers, asked, next, siblings } = await fixture(temp.join("content"), 3);
  const [base, old, young] = layers;
  await content.addManifest([base!, old!]);
  await content.addManifest([base!, young!]);
  const one = next();
  siblings.begin(base!.digest, "default");
  await one;
  assertEquals(asked.map(({ digest }) => digest), [young!.digest]);
  await siblings.close();
});

Deno.test("siblings end when nobody waits for the image any more, and at the end", async () => {
  await using temp = await tempDir();
  const { content, layers, asked, next, siblings } = await fixture(temp.join("content"), 3);
  await content.addManifest(layers);
  const two = [next(), next()];
  siblings.begin(layers[0]!.digest, "default");
  await Promise.all(two);
  siblings.abandon(layers[0]!.digest);
  for (const { end } of asked) {
    assertEquals(await end.promise.then(() => "made", () => "ended"), "ended");
  }
  await siblings.close();
  siblings.begin(layers[0]!.digest, "default");
  assertEquals(content.calls.list, 1);
});

Deno.test("a list that fails, and a layer without a manifest, are just no siblings", async () => {
  await using temp = await tempDir();
  const { content, layers, asked, siblings } = await fixture(temp.join("content"), 1);
  siblings.begin(layers[0]!.digest, "default");
  content.list = () => {
    throw new Error("containerd is away");
  };
  siblings.begin(layers[0]!.digest, "default");
  await siblings.close();
  assertEquals(asked, []);
});

Deno.test("the filters select a manifest by any of its layers, in containerd's syntax", () => {
  const digest = sha256(TEXT.encode("layer"));
  const other = sha256(TEXT.encode("other"));
  const filters = manifestFilters(digest);
  assertEquals(filters.length, 128);
  assertEquals(filters[7], `labels."containerd.io/gc.ref.content.l.7"=="${digest}"`);
  const labels = {
    "containerd.io/gc.ref.content.l.10": other,
    "containerd.io/gc.ref.content.l.2": digest,
    "containerd.io/gc.ref.content.l.3": "no digest",
    "containerd.io/gc.ref.content.config": sha256(TEXT.encode("config")),
  };
  assertEquals(layersOf(labels), [digest, other]);
});
