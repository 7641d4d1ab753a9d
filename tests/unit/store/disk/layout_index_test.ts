import { assertEquals, assertNotEquals } from "@std/assert";
import { type Descriptor, encodeIndex } from "../../../../lib/oci/mod.ts";
import { shownGeneration } from "../../../../lib/store/disk/layout_index.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { gcFixture } from "./gc/gc_fixture.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

Deno.test("index.json is written when a name changes, and not by a load of what is there", async () => {
  await using fixture = await gcFixture();
  const path = `${fixture.root}/content/index.json`;
  const written = async () => (await Deno.stat(path)).ino;
  await fixture.load("example.org/a:1", ["one"]);
  const first = await written();
  await fixture.load("example.org/a:1", ["one"]);
  assertEquals(await written(), first);
  // Another name of the same image, and another image of the same name.
  await fixture.load("example.org/b:1", ["one"]);
  const second = await written();
  assertNotEquals(second, first);
  await fixture.load("example.org/b:1", ["two"]);
  assertNotEquals(await written(), second);
  await Deno.remove(path);
  await fixture.load("example.org/b:1", ["two"]);
  const names = JSON.parse(await Deno.readTextFile(path)).manifests.map((
    { annotations }: { annotations: Record<string, string> },
  ) => annotations["org.opencontainers.image.ref.name"]);
  assertEquals(names, ["example.org/a:1", "example.org/b:1"]);
});

Deno.test("the generation in index.json is read from its end alone, however long the file is", async () => {
  await using temp = await tempDir();
  const path = temp.join("index.json");
  assertEquals(shownGeneration(path), undefined);
  const end = (generation: string) => `"annotations":{"varve.generation":"${generation}"}}`;
  for (const generation of ["1", "9007199254740991"]) {
    await Deno.writeTextFile(path, `{${end(generation)}`);
    assertEquals(shownGeneration(path), Number(generation));
    // A file with a hole, which no program can read into a string.
    await Deno.truncate(path, 2 ** 32);
    await Deno.writeTextFile(path, end(generation), { append: true });
    assertEquals(shownGeneration(path), Number(generation));
  }
  await Deno.writeTextFile(path, `{${end("7").slice(0, -1)}`);
  assertEquals(shownGeneration(path), undefined);
});

Deno.test("index.json shows each kind of name as the encoder of indexes would", async () => {
  await using fixture = await gcFixture();
  await fixture.load("example.org/a:1", ["one"]);
  const { images } = fixture.store;
  const target = images.get("example.org/a:1")?.target as Descriptor;
  const other = { ...target, annotations: { a: '"\\', [REF_NAME]: "x" }, artifactType: "b/c" };
  images.set('example.org/"é\\:1', target);
  images.set("example.org/b:1", other);
  images.set("example.org/c:1", other);
  images.remove("example.org/a:1");
  await fixture.load("example.org/d:1", ["two"]);
  await fixture.load("example.org/d:1", ["three"]);
  const rows = images.list();
  assertEquals(rows.some(({ name }) => name.startsWith("<none>@")), true);
  const manifests = rows.map(({ name, target }) => {
    const { [REF_NAME]: _, ...kept } = target.annotations ?? {};
    const annotations = name === `<none>@${target.digest}` ? kept : { ...kept, [REF_NAME]: name };
    return { ...target, annotations };
  });
  const path = `${fixture.root}/content/index.json`;
  const annotations = { "varve.generation": String(shownGeneration(path)) };
  assertEquals(
    await Deno.readTextFile(path),
    new TextDecoder().decode(encodeIndex({ manifests, annotations })),
  );
});

Deno.test("a target is read from its row as it was given, plain or not", async () => {
  await using fixture = await gcFixture();
  await fixture.load("example.org/a:1", ["one"]);
  const { images } = fixture.store;
  const target = images.get("example.org/a:1")?.target as Descriptor;
  const platform = { os: "linux", architecture: "arm64" };
  for (
    const given of [target, { ...target, platform }, { ...target, annotations: { a: '"\\' } }]
  ) {
    images.set("example.org/b:1", given);
    assertEquals(images.get("example.org/b:1")?.target, given);
  }
});
