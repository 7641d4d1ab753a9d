/** What happens to the names of an image when it gets another one, and when it is removed by its ID. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const image = buildImage({ layers: [[{ name: "file" }]] });

async function fixture() {
  const temp = await tempDir("varve-image-names-");
  const varve = commandOn(temp.join("store"));
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(args, { stdin: archiveTar(dockerFiles([image])) });
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const names = async (): Promise<string[]> =>
    JSON.parse(await ok("images", "--format", "json")).map(({ name }: { name: string }) => name);
  return { varve, ok, names, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

Deno.test("an image without a name is no second row once it has one", async () => {
  await using on = await fixture();
  const { ok, names } = on;
  await ok("load", "-");
  const [nameless = ""] = await names();
  assertEquals(nameless.startsWith("<none>@"), true);
  await ok("tag", image.imageId, "app:1");
  assertEquals(await names(), ["docker.io/library/app:1"]);
  // What was printed before still finds the image.
  assertStringIncludes(await ok("ls", nameless), "file");
  await ok("load", "-", "--name", "app:2");
  assertEquals(await names(), ["docker.io/library/app:1", "docker.io/library/app:2"]);
});

Deno.test({
  name: "rmi by ID of an image with several names removes nothing, or with --force all",
  // rmi looks for mounts, and an open library stays open.
  sanitizeResources: false,
  fn: async () => {
    await using on = await fixture();
    const { ok, names, varve } = on;
    const tags = ["app:1", "app:2", "other:1"].map((name) => `docker.io/library/${name}`);
    for (const tag of tags) await ok("load", "-", "--name", tag);
    const [{ manifest }] = JSON.parse(await ok("images", "--format", "json"));
    const hex = image.imageId.slice(7);
    for (const id of [image.imageId, hex, hex.slice(0, 12), manifest, `app@${manifest}`]) {
      const { code, stderr } = await varve(["rmi", id]);
      assertEquals(code, 6, id);
      assertStringIncludes(stderr, tags[1] ?? "");
      assertStringIncludes(stderr, "--force");
      assertEquals(await names(), tags);
    }
    assertEquals((await varve(["rmi", "app:1", image.imageId])).code, 6);
    assertEquals(await names(), tags);
    await ok("rmi", `app:1@${manifest}`);
    assertEquals(await names(), tags.slice(1));
    assertEquals(await ok("rmi", "--force", image.imageId), tags.slice(1).join("\n") + "\n");
    assertEquals(await names(), []);
    for (const tag of tags) await ok("load", "-", "--name", tag);
    await ok("rmi", ...tags, image.imageId);
    await ok("load", "-", "--name", "app:1");
    await ok("rmi", image.imageId);
    assertEquals(await names(), []);
  },
});

Deno.test({
  name: "rmi by ID takes an index without a name along, and asks for force only where names differ",
  // rmi looks for mounts, and an open library stays open.
  sanitizeResources: false,
  fn: async () => {
    await using on = await fixture();
    const { ok, names, varve } = on;
    const hex = image.imageId.slice(7);
    /** Leaves an index of `app:1` without a name. */
    const lose = async () => {
      await ok("index", "create", "both:1", "app:1");
      await ok("tag", "app:1", "both:1");
    };
    await ok("load", "-", "--name", "app:1");
    await lose();
    assertEquals((await varve(["rmi", hex])).code, 6);
    await ok("rmi", "both:1");
    assertEquals((await names()).map((name) => name.slice(0, 7)), ["<none>@", "docker."]);
    const ids = (await ok("images", "-q")).trimEnd().split("\n");
    assertEquals(ids.length, 1);
    await ok("rmi", ...ids);
    assertEquals(await names(), []);
    // The names are counted, and all of them are given.
    await ok("load", "-", "--name", "app:1");
    await lose();
    const refused = await varve(["rmi", hex]);
    assertStringIncludes(refused.stderr, "it has 2 names, docker.io/library/app:1");
    await ok("rmi", "app:1", "both:1", hex);
    assertEquals(await names(), []);
  },
});
