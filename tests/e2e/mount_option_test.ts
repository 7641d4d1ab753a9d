/** Images that are mounted by the command that brings them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { servedStore } from "../support/registry/served_store.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";
import { namesIn } from "../support/trees/names_in.ts";

const NAME = "example.org/app:1";
const LAYERS = [
  [{ name: "./", mode: 0o711 }, { name: "bin/" }, { name: "bin/a", content: "a", mode: 0o755 }],
  [{ name: "bin/b", link: "bin/a" }, { name: "etc/conf", content: "x" }],
];

/** A store, an archive of images, and a directory to mount at. */
async function prepared(temp: TempDir, names = [NAME]) {
  const archive = temp.join("app.tar"), target = temp.join("mnt");
  await Deno.mkdir(target);
  const images = names.map((name, i) => buildImage({ name, layers: LAYERS.slice(i) }));
  await Deno.writeFile(archive, archiveTar(ociFiles(images)));
  return { varve: new Cli(temp.join("store")), archive, target };
}

const root = needs({ root: true, mount: true, kernel: "6.12" });

Deno.test({
  name: "load --mount does the same as load and mount, and umount ends it",
  ...root,
  async fn() {
    await using temp = await tempDir("varve-arrived-", "/var/tmp");
    const { varve, archive, target } = await prepared(temp);
    const { images, mounted } = await varve.json(["load", archive, "--mount", target]);
    assertEquals(images.map(({ name }: { name: string }) => name), [NAME]);
    await varve.text(["unpack", NAME, temp.join("unpacked")]);
    assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
    await varve.text(["umount", target]);
    assertEquals(await varve.json(["mount", NAME, target]), mounted);
    await varve.text(["umount", target]);
    // With nothing to load, too.
    const again = await varve.text(["load", archive, "--mount", target]);
    assertStringIncludes(again, "(0 verified now, 2 already here)");
    assertStringIncludes(again, `mounted   ${target}\n`);
    assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
    await varve.text(["umount", target]);
    assertEquals(namesIn(temp.join("store/mounts")), []);
  },
});

Deno.test({
  name: "pull --mount does the same as pull and mount",
  ...root,
  async fn() {
    await using temp = await tempDir("varve-arrived-", "/var/tmp");
    const { archive, target } = await prepared(temp);
    await using server = await servedStore(temp.join("served"));
    await server.cli.text(["load", archive]);
    const name = `${server.host}/example.org/app:1`;
    const varve = new Cli(temp.join("store"));
    const { mounted } = await varve.json(["pull", name, "--mount", target]);
    assertEquals([mounted.target, mounted.readOnly, mounted.driver], [target, true, "erofs"]);
    await server.cli.text(["unpack", NAME, temp.join("unpacked")]);
    assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
    await varve.text(["umount", target]);
  },
});

Deno.test({
  name: "load --mount loads nothing when the directory cannot be a mount point",
  ...root,
  async fn() {
    await using temp = await tempDir("varve-arrived-", "/var/tmp");
    const { varve, archive, target } = await prepared(temp);
    await varve.text(["load", archive, "--name", "other:1", "--mount", target]);
    const refused = async (directory: string, code: number, why: string) => {
      const told = await varve.any(["load", archive, "--mount", directory]);
      assertEquals([told.code, told.stdout], [code, ""], told.stderr);
      assertStringIncludes(told.stderr, why);
    };
    await refused(target, 6, "an image of this store is mounted there");
    await refused(temp.join("none"), 4, "there is no such directory");
    await refused(archive, 2, "it is not a directory");
    await refused(temp.join("store"), 2, "it would hide the store");
    const names = (await varve.json(["images"])).map(({ name }: { name: string }) => name);
    assertEquals(names, ["docker.io/library/other:1"]);
    await varve.text(["umount", target]);
  },
});

Deno.test({
  name: "load --mount of several images mounts none and fails with a message",
  ...root,
  async fn() {
    await using temp = await tempDir("varve-arrived-", "/var/tmp");
    const names = [NAME, "example.org/other:1"];
    const { varve, archive, target } = await prepared(temp, names);
    const { code, stderr } = await varve.any(["load", archive, "--mount", target]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "the archive holds 2 images (mount one of them by its name)");
    assertStringIncludes(stderr, `${names.join(", ")}: complete in the store`);
    const loaded = (await varve.json(["images"])).map(({ name }: { name: string }) => name);
    assertEquals(loaded, names);
    assertEquals(namesIn(target), []);
  },
});
