/** What is left of a store when everything in it was removed. */
import { assert, assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const APP = "example.org/app:1", CHANGED = "example.org/changed:1";
/** The size of the image's content in bytes. */
const CONTENT = 8 * 1024 * 1024;
/** The most bytes that may be left, without the reserve. */
const LEFT = 1024 * 1024;

async function bytesOf(root: string): Promise<number> {
  const { stdout } = await run(["du", "-s", "-B1", "--exclude=reserve", root]);
  return Number(stdout.split("\t")[0]);
}

Deno.test({
  name: "J: a store whose images and snapshots were removed takes at most 1 MiB beside the reserve",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    const content = "0123456789abcdef".repeat(CONTENT / 16);
    const image = buildImage({ name: APP, layers: [[{ name: "file", content }]] });
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
    const [root, target] = [temp.join("store"), temp.join("mnt")];
    await Deno.mkdir(target);
    const varve = new Cli(root, { env: { VARVE_DURABILITY: "full" } });
    await varve.text(["load", temp.join("app.tar")]);
    await varve.text(["mount", APP, target, "--rw", "key"]);
    await Deno.writeTextFile(`${target}/new`, content);
    await varve.text(["commit", "key", CHANGED]);
    await varve.text(["umount", target]);
    assert(await bytesOf(root) > 2 * CONTENT);
    await varve.text(["snapshot", "rm", "key"]);
    await varve.text(["rmi", APP, CHANGED]);
    const left = await bytesOf(root);
    assert(left <= LEFT, `${left} bytes are left`);
    assertEquals(
      Array.from(Deno.readDirSync(root), ({ name }) => name).filter((name) =>
        name.startsWith("meta.db-")
      ),
      [],
    );
  },
});
