/** A digest means its content, whatever names a store holds. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { commandOn } from "../support/cli/in_process.ts";
import {
  archiveTar,
  buildImage,
  type BuiltImage,
  dockerFiles,
  ociFiles,
} from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const good = buildImage({ name: "docker.io/library/good:1", layers: [[{ name: "is-good" }]] });
const evil = buildImage({ name: "docker.io/library/evil:1", layers: [[{ name: "is-evil" }]] });
const GOOD = good.imageId;

/** A store with two images, and the command on it. */
async function fixture() {
  const temp = await tempDir("varve-digest-names-");
  const root = temp.join("store");
  const varve = commandOn(root);
  const load = async (image: BuiltImage, ...more: string[]) => {
    const stdin = archiveTar(dockerFiles([image]));
    return await varve(["load", "-", ...more], { stdin });
  };
  for (const image of [good, evil]) assertEquals((await load(image)).code, 0);
  return { temp, root, varve, load, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

Deno.test("no way in takes a name that reads as a digest, and a digest stays its content", async () => {
  await using on = await fixture();
  const { varve, load, temp } = on;
  const tar = temp.join("a.tar");
  await Deno.writeFile(tar, evil.layers[0]?.tar ?? new Uint8Array());
  const hex = GOOD.slice(7);
  for (
    const name of [GOOD, "sha256:1", `docker.io/library/${GOOD}`, `x.org/${GOOD}`, hex, `${hex}:1`]
  ) {
    const ways = [
      ["tag", "evil:1", name],
      ["import", tar, name],
      ["append", "evil:1", tar, name],
      ["squash", "evil:1", name],
      ["rebase", "evil:1", "evil:1", "good:1", name],
      ["commit", "key", name],
      ["pull", name],
    ];
    for (const way of ways) {
      const { code, stderr } = await varve(way);
      assertEquals(code, 2, `${way.join(" ")}: ${stderr}`);
      assert(/digest|image ID/.test(stderr), stderr);
    }
    assertEquals((await load(evil, "--name", name)).code, 2, name);
    const claimed = await load({ ...evil, name });
    assertEquals(claimed.code, 0, claimed.stderr);
    assertStringIncludes(claimed.stderr, "was left out");
    const annotated = archiveTar(ociFiles([{ ...evil, name }]));
    const layout = await varve(["load", "-"], { stdin: annotated });
    assertEquals(layout.code, 0, layout.stderr);
    assertStringIncludes(layout.stderr, "was left out");
  }
  const names = JSON.parse((await varve(["images", "--format", "json"])).stdout)
    .map(({ name }: { name: string }) => name);
  assertEquals(names.filter((name: string) => !name.startsWith("<none>@")), [evil.name, good.name]);
  for (const text of [GOOD, hex, good.descriptor.digest]) {
    assertStringIncludes((await varve(["ls", text])).stdout, "is-good");
  }
});

Deno.test("NAME:TAG@DIGEST selects an image of the store that agrees with both", async () => {
  await using on = await fixture();
  const { varve } = on;
  assertEquals((await varve(["tag", "evil:1", "good:2"])).code, 0);
  for (const digest of [good.imageId, good.descriptor.digest]) {
    for (const name of ["good:1", "good", "docker.io/library/good:1"]) {
      const { code, stdout, stderr } = await varve(["ls", `${name}@${digest}`]);
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "is-good");
    }
    for (const name of ["good:2", "good:3", "evil:1", "evil"]) {
      const { code, stderr } = await varve(["ls", `${name}@${digest}`]);
      assertEquals(code, 4, `${name}: ${stderr}`);
    }
  }
  const { stderr } = await varve(["ls", `good:2@${good.imageId}`]);
  assertStringIncludes(stderr, "the tag names another image");
});

Deno.test({
  name: "a store that has a name like a digest says so, and the way out works",
  // rmi looks for mounts, and an open library stays open.
  sanitizeResources: false,
  fn: async () => {
    await using on = await fixture();
    const { varve, root } = on;
    const old = `docker.io/library/${GOOD}`;
    {
      using db = new DatabaseSync(`${root}/meta.db`);
      db.prepare("UPDATE image SET name = ? WHERE name = ?").run(old, evil.name ?? "");
    }
    const listed = await varve(["ls", GOOD]);
    assertStringIncludes(listed.stdout, "is-good");
    assertStringIncludes(listed.stderr, `warning: image names that read as a digest: ${old}`);
    const commands = [...listed.stderr.matchAll(/'varve ([^']+)'/g)].map(([, words = ""]) => words);
    assertEquals(commands.length, 2, listed.stderr);
    for (const words of commands) {
      const { code, stderr } = await varve(words.replace("NEWNAME", "kept:1").split(" "));
      assertEquals(code, 0, stderr);
    }
    const after = await varve(["ls", "kept:1"]);
    assertStringIncludes(after.stdout, "is-evil");
    assertEquals(after.stderr, "");
  },
});
