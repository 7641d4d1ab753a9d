import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { writeFile } from "../../../lib/archive/mod.ts";
import { exportImage, importImage } from "../../../lib/image/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { buildImage } from "../../support/images/images.ts";
import { bytesOf, reworkFixture, streamOf } from "../../support/images/memory_store.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const SAMPLE = "example.org/sample:1";
const platform = { os: "linux", architecture: "amd64" };

Deno.test("export: the same image gives the same bytes, whatever its compression", async () => {
  await using a = reworkFixture();
  await using b = reworkFixture();
  await a.load(sampleImage());
  await b.load(sampleImage({ packing: "none" }));
  const tar = await bytesOf(await exportImage(a.store, SAMPLE));
  assertEquals(tar, await bytesOf(await exportImage(b.store, SAMPLE)));
  assertEquals(tar.length % 512, 0);
});

Deno.test("export and import give the same root tree", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage());
  const tar = await exportImage(fixture.store, SAMPLE);
  await importImage(fixture.store, tar, { ...fixture.as("flat:1"), platform });
  const before = await fixture.tree(SAMPLE);
  assertEquals((await fixture.tree("flat:1")).digest, before.digest);
  assertNotEquals(before.count, 0);
});

Deno.test("export: an image without layers is an empty tar", async () => {
  await using fixture = reworkFixture();
  await fixture.load(buildImage({ name: "example.org/empty:1", layers: [] }));
  const tar = await bytesOf(await exportImage(fixture.store, "example.org/empty:1"));
  assertEquals(tar, new Uint8Array(1024));
});

Deno.test("export: an image that does not exist", async () => {
  await using fixture = reworkFixture();
  assertEquals(await codeOf(() => exportImage(fixture.store, "nothing:1")), "E_NOT_FOUND");
});

Deno.test("export: a cancelled stream fails with the reason", async () => {
  await using fixture = reworkFixture();
  await fixture.load(sampleImage());
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const tar = await exportImage(fixture.store, SAMPLE, { signal });
  assertEquals(await bytesOf(tar).catch((error) => error), reason);
});

Deno.test("a file is written complete or not at all", async () => {
  await using temp = await tempDir();
  await Deno.writeTextFile(temp.join("out"), "before");
  const broken = ReadableStream.from((function* () {
    yield new Uint8Array(10);
    throw new Error("the end of it");
  })());
  const error = await writeFile(temp.join("out"), broken, "none").catch((error) => error);
  assertEquals(error.message, "the end of it");
  assertEquals(await Deno.readTextFile(temp.join("out")), "before");
  await writeFile(temp.join("out"), streamOf(new TextEncoder().encode("after")), "none");
  assertEquals(await Deno.readTextFile(temp.join("out")), "after");
  const names: string[] = [];
  for await (const { name } of Deno.readDir(temp.path)) names.push(name);
  assertEquals(names, ["out"]);
});

Deno.test("export: timers run while a consumer without I/O reads", async () => {
  await using fixture = reworkFixture();
  const name = "example.org/large:1";
  const content = new Uint8Array(48 * 1024 * 1024).fill(7);
  await fixture.load(buildImage({ name, packing: "none", layers: [[{ name: "a", content }]] }));
  const tar = await exportImage(fixture.store, name);
  let turns = 0, bytes = 0;
  const timer = setInterval(() => turns++, 0);
  for await (const chunk of tar) bytes += chunk.length;
  clearInterval(timer);
  assert(bytes > content.length);
  assert(turns > 0, "no timer ran");
});
