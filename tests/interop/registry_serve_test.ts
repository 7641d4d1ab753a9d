/** The engines pull from `varve registry serve` and push to it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import {
  archiveTar,
  blobPath,
  type BuiltImage,
  jsonBytes,
  ociFiles,
  sha256Of,
  writeArchive,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { startContainerd } from "../support/peers/containerd.ts";
import { startDocker } from "../support/peers/docker.ts";
import { podmanIn } from "../support/peers/podman.ts";
import { type ServedStore, servedStore } from "../support/registry/served_store.ts";
import { stepFront } from "../support/registry/step_front.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const NAME = "example.org/sample:1";

/** A store with the sample image, that is served. */
async function served(temp: TempDir): Promise<{ image: BuiltImage; server: ServedStore }> {
  const image = sampleImage();
  await Deno.writeFile(temp.join("in.tar"), archiveTar(ociFiles([image])));
  const server = await servedStore(temp.join("store"));
  // The server sees what comes into the store beside it.
  await server.cli.text(["load", temp.join("in.tar"), "--name", NAME]);
  return { image, server };
}

/** What the store says of an image that was pushed: `[manifest, imageId, chainId, a file]`. */
async function storedAs({ cli }: ServedStore, name: string): Promise<unknown[]> {
  const images = await cli.json(["images"]);
  const row = images.find((one: { name: string }) => one.name === name);
  const layers = await cli.json(["layers", name]);
  return [
    row?.manifest,
    row?.imageId,
    layers.at(-1).chainId,
    await cli.text(["cat", `${name}:/data/small`]),
  ];
}

Deno.test({
  name: "registry serve: skopeo copies out of the store and into it, byte for byte",
  ...needs({ tools: ["skopeo"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, server: started } = await served(temp);
    await using server = started;
    const out = `dir:${temp.join("out")}`;
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const copy = (from: string, to: string, ...more: string[]) =>
      run(["skopeo", "copy", "-q", ...insecure, ...more, from, to]);
    await copy(`docker://${server.host}/example.org/sample:1`, out);
    assertEquals(await Deno.readFile(temp.join("out", "manifest.json")), image.manifest);
    await copy(out, `docker://${server.host}/team/app:2`, "--preserve-digests");
    assertEquals(await storedAs(server, "docker.io/team/app:2"), [
      image.descriptor.digest,
      image.imageId,
      image.chainId,
      "s",
    ]);
    // Into another format, so that all layers come again in another compression.
    await copy(
      out,
      `docker://${server.host}/team/app:docker`,
      "--format=v2s2",
      "--dest-compress-format=gzip",
    );
    const converted = await storedAs(server, "docker.io/team/app:docker");
    assertEquals(converted.slice(2), [image.chainId, "s"]);
    const { stdout } = await run([
      "skopeo",
      "list-tags",
      "--tls-verify=false",
      `docker://${server.host}/team/app`,
    ]);
    assertEquals(JSON.parse(stdout).Tags, ["2", "docker"]);
    await run(["skopeo", "delete", "--tls-verify=false", `docker://${server.host}/team/app:2`]);
    const gone = await server.cli.any(["inspect", "docker.io/team/app:2"]);
    assertEquals(gone.code, 4, gone.stderr);
  },
});

Deno.test({
  name:
    "registry serve: skopeo pushes to the end when the image that had its blobs is removed meanwhile",
  ...needs({ tools: ["skopeo"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, server: started } = await served(temp);
    await using server = started;
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const copy = (from: string, to: string, ...more: string[]) =>
      run(["skopeo", "copy", "-q", ...insecure, ...more, from, to]);
    const out = `dir:${temp.join("out")}`;
    await copy(`docker://${server.host}/example.org/sample:1`, out);
    let removed = "";
    await using front = stepFront(server.host, {
      async before({ method, path }) {
        if (method !== "PUT" || !path.includes("/manifests/") || removed !== "") return;
        removed = await server.cli.text(["rmi", NAME]);
        await server.cli.text(["gc"]);
      },
    });
    await copy(out, `docker://${front.host}/team/app:1`, "--preserve-digests");
    assertStringIncludes(removed, NAME);
    // All blobs were there, so skopeo sent none.
    assertEquals(front.steps.filter(({ path }) => path.includes("/uploads/")), []);
    assertEquals(await storedAs(server, "docker.io/team/app:1"), [
      image.descriptor.digest,
      image.imageId,
      image.chainId,
      "s",
    ]);
  },
});

Deno.test({
  name: "registry serve: podman pulls, and pushes it back as it is",
  ...needs({ root: true, tools: ["podman"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, server: started } = await served(temp);
    await using server = started;
    const podman = podmanIn(temp);
    const env = { TMPDIR: temp.path };
    const name = `${server.host}/example.org/sample:1`;
    await run([...podman, "pull", "-q", "--tls-verify=false", name], { env });
    const { stdout } = await run([...podman, "image", "inspect", name], { env });
    assertEquals(`sha256:${JSON.parse(stdout)[0].Id}`, image.imageId);
    const pushed = `${server.host}/team/podman:1`;
    await run([...podman, "push", "-q", "--tls-verify=false", name, pushed], { env });
    const [, imageId, chainId, file] = await storedAs(server, "docker.io/team/podman:1");
    assertEquals([imageId, chainId, file], [image.imageId, image.chainId, "s"]);
  },
});

Deno.test({
  name: "registry serve: docker pulls, and pushes it back",
  ...needs({ root: true, mount: true, tools: ["dockerd", "docker"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, server: started } = await served(temp);
    await using server = started;
    await using docker = await startDocker();
    const name = `${server.host}/example.org/sample:1`;
    await run([...docker.command, "pull", "-q", name]);
    const { stdout } = await run([...docker.command, "image", "inspect", name]);
    assertEquals(JSON.parse(stdout)[0].Id, image.imageId);
    const pushed = `${server.host}/team/docker:1`;
    await run([...docker.command, "tag", name, pushed]);
    await run([...docker.command, "push", "-q", pushed]);
    const [, imageId, chainId, file] = await storedAs(server, "docker.io/team/docker:1");
    assertEquals([imageId, chainId, file], [image.imageId, image.chainId, "s"]);
  },
});

Deno.test({
  name: "registry serve: containerd pulls, and pushes it back byte for byte",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr"] }),
  fn: async () => {
    await using temp = await tempDir();
    const { image, server: started } = await served(temp);
    await using server = started;
    await using containerd = await startContainerd(temp.path);
    const ctr = [...containerd.ctr, "images"];
    const name = `${server.host}/example.org/sample:1`;
    await run([...ctr, "pull", "--plain-http", "--snapshotter", "native", name]);
    const { stdout } = await run([...ctr, "ls", `name==${name}`]);
    assertStringIncludes(stdout, image.descriptor.digest);
    await run([...ctr, "push", "--plain-http", `${server.host}/team/ctr:1`, name]);
    assertEquals(await storedAs(server, "docker.io/team/ctr:1"), [
      image.descriptor.digest,
      image.imageId,
      image.chainId,
      "s",
    ]);
  },
});

Deno.test({
  name: "registry serve: an index for many platforms comes and goes whole",
  ...needs({ tools: ["skopeo"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using server = await servedStore(temp.join("store"));
    const images = ["amd64", "arm64"].map((architecture) =>
      sampleImage({ config: { architecture }, packing: "gzip" })
    );
    const index = jsonBytes({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: images.map(({ descriptor, config }) => {
        const { os, architecture } = JSON.parse(new TextDecoder().decode(config));
        // In the order of skopeo, which writes an index anew and compares.
        return { ...descriptor, platform: { architecture, os } };
      }),
    });
    const layout = ociFiles(images);
    const target = { mediaType: INDEX, digest: sha256Of(index), size: index.length };
    await Deno.mkdir(temp.join("layout"));
    await writeArchive(
      temp.join("layout"),
      new Map([
        ...layout,
        [blobPath(target.digest), index],
        ["index.json", jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests: [target] })],
      ]),
    );
    const copy = (from: string, to: string) =>
      run([
        "skopeo",
        "copy",
        "-q",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        from,
        to,
      ]);
    const name = `docker://${server.host}/team/many:1`;
    await copy(`oci:${temp.join("layout")}`, name);
    assertEquals(
      (await server.cli.json(["images"])).map((one: { manifest: string }) => one.manifest),
      [
        target.digest,
      ],
    );
    await copy(name, `dir:${temp.join("out")}`);
    assertEquals(await Deno.readFile(temp.join("out", "manifest.json")), index);
    // Another store pulls the one that it wants.
    const other = new Cli(temp.join("other"));
    for (const [at, platform] of ["linux/amd64", "linux/arm64"].entries()) {
      const pulled = await other.json([
        "pull",
        `${server.host}/team/many:1`,
        "--platform",
        platform,
      ]);
      assertEquals(pulled.images[0].imageId, images[at]?.imageId);
    }
  },
});
