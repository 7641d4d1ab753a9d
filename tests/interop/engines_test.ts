/** What varve saves, the engines load; what they save, varve loads. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, type BuiltImage, dockerFiles, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { startContainerd } from "../support/peers/containerd.ts";
import { startDocker } from "../support/peers/docker.ts";
import { podmanIn } from "../support/peers/podman.ts";

const NAME = "example.org/sample:1";

/** An image that has gone through load and save. */
async function saved(temp: TempDir): Promise<{ image: BuiltImage; tar: string; varve: Cli }> {
  const image = sampleImage({ packing: ["gzip", "gzip", "none"] });
  await Deno.writeFile(temp.join("in.tar"), archiveTar(ociFiles([image])));
  const varve = new Cli(temp.join("store"));
  await varve.json(["load", temp.join("in.tar")]);
  const tar = temp.join("out.tar");
  await varve.json(["save", NAME, "-o", tar]);
  return { image, tar, varve };
}

/** Loads an archive into a new store and gives the image ID and the diffIDs. */
async function loadElsewhere(temp: TempDir, archive: string): Promise<unknown> {
  const { images } = await new Cli(temp.join("elsewhere")).json(["load", archive]);
  return images.map((one: { imageId: string; chainId: string }) => [one.imageId, one.chainId]);
}

Deno.test("save: two saves are byte-equal, on another store and in another form too", async () => {
  await using temp = await tempDir();
  const { tar, varve } = await saved(temp);
  await varve.json(["save", NAME, "-o", temp.join("again.tar")]);
  const other = new Cli(temp.join("other"));
  await other.json(["load", tar]);
  await other.json(["save", NAME, "-o", temp.join("other.tar")]);
  const bytes = await Deno.readFile(tar);
  assertEquals(await Deno.readFile(temp.join("again.tar")), bytes);
  assertEquals(await Deno.readFile(temp.join("other.tar")), bytes);
  const piped = await run(varve.command(["save", NAME]), {
    env: { VARVE_ROOT: temp.join("store") },
  });
  assertEquals(piped.bytes, bytes);
});

Deno.test({
  name: "save: skopeo copies it as oci-archive and as docker-archive",
  ...needs({ tools: ["skopeo"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, tar } = await saved(temp);
    for (const form of ["oci-archive", "docker-archive"]) {
      await run(["skopeo", "copy", "-q", `${form}:${tar}`, `dir:${temp.join(form)}`], {
        env: { TMPDIR: temp.path },
      });
      const manifest = JSON.parse(await Deno.readTextFile(temp.join(form, "manifest.json")));
      assertEquals(manifest.config.digest, image.imageId, form);
      assertEquals(manifest.layers.length, image.layers.length);
    }
  },
});

Deno.test({
  name: "save: umoci and skopeo read the directory form",
  ...needs({ tools: ["skopeo", "umoci"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, varve } = await saved(temp);
    await varve.json(["save", NAME, "--oci-dir", temp.join("layout")]);
    const stat = await run(["umoci", "stat", "--json", "--image", `${temp.join("layout")}:1`]);
    assertEquals(JSON.parse(stat.stdout).history.length, image.layers.length);
    const inspected = await run(["skopeo", "inspect", "--config", `oci:${temp.join("layout")}:1`]);
    assertEquals(
      JSON.parse(inspected.stdout).rootfs.diff_ids,
      image.layers.map(({ diffId }) => diffId),
    );
  },
});

Deno.test({
  name: "podman loads what varve saves, and saves what varve loads",
  ...needs({ root: true, tools: ["podman"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, tar } = await saved(temp);
    const podman = podmanIn(temp);
    const env = { TMPDIR: temp.path };
    await run([...podman, "load", "-q", "-i", tar], { env });
    const { stdout } = await run([...podman, "image", "inspect", NAME], { env });
    assertEquals(`sha256:${JSON.parse(stdout)[0].Id}`, image.imageId);
    for (const format of ["docker-archive", "oci-archive"]) {
      const out = temp.join(`${format}.tar`);
      await run([...podman, "save", "-q", "--format", format, "-o", out, NAME], { env });
      assertEquals(await loadElsewhere(temp, out), [[image.imageId, image.chainId]], format);
    }
  },
});

Deno.test({
  name: "docker loads what varve saves, and saves what varve loads",
  ...needs({ root: true, mount: true, tools: ["dockerd", "docker"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, tar } = await saved(temp);
    await using docker = await startDocker();
    await run([...docker.command, "load", "-q", "-i", tar]);
    const { stdout } = await run([...docker.command, "image", "inspect", NAME]);
    assertEquals(JSON.parse(stdout)[0].Id, image.imageId);
    await run([...docker.command, "save", "-o", temp.join("docker.tar"), NAME]);
    assertEquals(await loadElsewhere(temp, temp.join("docker.tar")), [[
      image.imageId,
      image.chainId,
    ]]);
  },
});

Deno.test({
  name: "containerd imports what varve saves",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, tar } = await saved(temp);
    await using containerd = await startContainerd(temp.path);
    const ctr = [...containerd.ctr, "images"];
    await run([...ctr, "import", "--snapshotter", "native", tar]);
    const { stdout } = await run([...ctr, "ls", `name==${NAME}`]);
    assertStringIncludes(stdout, image.descriptor.digest);
    await run([...ctr, "export", temp.join("ctr.tar"), NAME]);
    assertEquals(await loadElsewhere(temp, temp.join("ctr.tar")), [[
      image.imageId,
      image.chainId,
    ]]);
  },
});

Deno.test("load: archives of one image, as skopeo and others write them, have the same IDs", async () => {
  await using temp = await tempDir();
  const image = sampleImage({ packing: "none" });
  await Deno.writeFile(temp.join("docker.tar"), archiveTar(dockerFiles([image])));
  assertEquals(await loadElsewhere(temp, temp.join("docker.tar")), [[
    image.imageId,
    image.chainId,
  ]]);
});
