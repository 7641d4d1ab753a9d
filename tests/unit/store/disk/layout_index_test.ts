import { assertEquals, assertNotEquals } from "@std/assert";
import { gcFixture } from "./gc/gc_fixture.ts";

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
