/** A repair keeps what only a lease keeps, as gc does, and removes what nothing needs at once. */
import { assertEquals } from "@std/assert";
import { commandOn } from "../../../support/cli/in_process.ts";
import { archiveTar, buildImage, ociFiles } from "../../../support/images/images.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { findings, flip } from "../../../support/upkeep/sick_store.ts";

const IMAGE = buildImage({
  name: "example.org/app:1",
  layers: [[{ name: "file", content: "content ".repeat(999) }]],
  packing: "gzip",
});

const DAMAGED = {
  manifest: IMAGE.descriptor.digest,
  config: IMAGE.imageId,
  layer: IMAGE.layers[0]?.descriptor.digest ?? "",
};

/** Loads the image into a store, protects it if that is wanted, and removes its name. */
async function nameless(root: string, archive: string, isLeased: boolean) {
  const on = commandOn(root);
  await Deno.writeFile(archive, archiveTar(ociFiles([IMAGE])));
  const must = async (...args: string[]) => {
    const { code, stderr } = await on(args);
    assertEquals(code, 0, stderr);
  };
  await must("load", archive);
  if (isLeased) await must("lease", "create", "--id", "keep", "example.org/app:1");
  await must("rmi", "--no-gc", "example.org/app:1");
  return { on, blob: (digest: string) => `${root}/content/blobs/${digest.replace(":", "/")}` };
}

for (const [what, digest] of Object.entries(DAMAGED)) {
  Deno.test(`fsck --repair --from brings the ${what} of an image that only a lease keeps`, async () => {
    await using temp = await tempDir();
    const archive = temp.join("app.tar");
    const { on, blob } = await nameless(temp.join("store"), archive, true);
    await flip(blob(digest));
    const [found] = await findings({ on }, "fsck", "--deep");
    assertEquals(found?.affects, ["lease keep"]);
    assertEquals((await on(["fsck", "--deep", "--repair"])).code, 3);
    const { code, stdout, stderr } = await on(["fsck", "--deep", "--repair", "--from", archive]);
    assertEquals([code, stderr.includes("nothing needs it")], [0, false], stdout + stderr);
    assertEquals((await on(["gc"])).stdout, "Freed 0 B\n");
    assertEquals(await findings({ on }, "fsck", "--deep"), []);
  });
}

Deno.test("fsck --repair removes a damaged blob that nothing needs, with its file", async () => {
  await using temp = await tempDir();
  const { on, blob } = await nameless(temp.join("store"), temp.join("app.tar"), false);
  await flip(blob(DAMAGED.manifest));
  const { code, stdout, stderr } = await on(["fsck", "--deep", "--repair"]);
  assertEquals(code, 0, stdout + stderr);
  assertEquals(await findings({ on }, "fsck", "--deep"), []);
  assertEquals(await exists(blob(DAMAGED.manifest)), false);
});

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
