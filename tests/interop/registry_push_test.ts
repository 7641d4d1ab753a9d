/** What varve pushed, the engines pull from Debian's docker-registry; what they pushed, varve pulls. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  blobPath,
  buildImage,
  type BuiltImage,
  jsonBytes,
  ociFiles,
  sha256Of,
} from "../support/images/images.ts";
import { openStore } from "../../lib/store/mod.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { startContainerd } from "../support/peers/containerd.ts";
import { podmanIn } from "../support/peers/podman.ts";
import {
  dockerRegistry,
  REGISTRY_TOOLS,
  type RunningRegistry,
} from "../support/registry/docker_registry.ts";
import { cliIn, type Engine, INSECURE, loadFiles, skopeoIn } from "../support/registry/engines.ts";

const tools = needs({ tools: REGISTRY_TOOLS });

/** The same image in all forms that registries hold. */
const FORMS: readonly (readonly [name: string, image: BuiltImage])[] = [
  ["gzip", sampleImage({ packing: "gzip" })],
  ["zstd", sampleImage({ packing: "zstd" })],
  ["mixed", sampleImage({ packing: ["gzip", "zstd", "none"] })],
  ["docker", sampleImage({ docker: true, packing: "gzip" })],
];

/** varve pushes every form, the engine pulls it and pushes it elsewhere, varve pulls that. */
async function bothWays(temp: TempDir, registry: RunningRegistry, engine: Engine): Promise<void> {
  const cli = cliIn(temp, "store");
  const other = cliIn(temp, "elsewhere");
  for (const [form, image] of FORMS) {
    const name = `${registry.host}/varve/app:${form}`;
    await loadFiles(temp, cli, name, ociFiles([image]));
    assertEquals((await cli.json(["push", name])).digest, image.descriptor.digest, form);
    const got = await engine.pull(name);
    assertEquals(got.imageId, image.imageId, form);
    assertEquals(got.manifest ?? image.descriptor.digest, image.descriptor.digest, form);
    const back = `${registry.host}/engine/app:${form}`;
    await engine.push(name, back);
    const { images: [pulled] } = await other.json(["pull", back]);
    assertEquals([pulled.imageId, pulled.chainId], [image.imageId, image.chainId], form);
    assertEquals(await other.text(["cat", `${back}:/data/small`]), "s", form);
  }
}

Deno.test({
  name: "push: skopeo pulls what varve pushed, and varve what skopeo pushed",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    await bothWays(temp, registry, skopeoIn(temp));
  },
});

Deno.test({
  name: "push: podman pulls what varve pushed, and varve what podman pushed",
  ...needs({ root: true, tools: [...REGISTRY_TOOLS, "podman"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const podman = podmanIn(temp);
    const env = { TMPDIR: temp.path };
    await bothWays(temp, registry, {
      async pull(name) {
        await run([...podman, "pull", "-q", "--tls-verify=false", name], { env });
        const { stdout } = await run([...podman, "image", "inspect", name], { env });
        return { imageId: `sha256:${JSON.parse(stdout)[0].Id}` };
      },
      push(name, to) {
        // It packs all layers anew.
        const packing = name.endsWith(":zstd") ? ["--compression-format", "zstd"] : [];
        return run([...podman, "push", "-q", "--tls-verify=false", ...packing, name, to], { env });
      },
    });
  },
});

Deno.test({
  name: "push: containerd pulls what varve pushed, and varve what containerd pushed",
  ...needs({ root: true, mount: true, tools: [...REGISTRY_TOOLS, "containerd", "ctr"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    await using containerd = await startContainerd(temp.path);
    const ctr = [...containerd.ctr, "images"];
    await bothWays(temp, registry, {
      async pull(name) {
        await run([...ctr, "pull", "--plain-http", "--snapshotter", "native", name]);
        const { stdout } = await run([...ctr, "ls", `name==${name}`]);
        const manifest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? "";
        const { stdout: json } = await run([...containerd.ctr, "content", "get", manifest]);
        return { imageId: JSON.parse(json).config.digest, manifest };
      },
      push: (name, to) => run([...ctr, "push", "--plain-http", to, name]),
    });
  },
});

/** Two platforms under one index, of OCI's types or Docker's. */
function manyPlatforms(packing: "gzip" | "zstd", docker: boolean) {
  const images = ["amd64", "arm64"].map((architecture) =>
    buildImage({
      layers: [[{ name: "of", content: architecture }], [{ name: "both", content: "b" }]],
      packing,
      docker,
      config: { architecture },
    })
  );
  const index = jsonBytes({
    schemaVersion: 2,
    mediaType: docker
      ? "application/vnd.docker.distribution.manifest.list.v2+json"
      : "application/vnd.oci.image.index.v1+json",
    manifests: images.map(({ descriptor, config }) => {
      const { architecture } = JSON.parse(new TextDecoder().decode(config));
      return { ...descriptor, platform: { architecture, os: "linux" } };
    }),
  });
  const digest = sha256Of(index);
  const mediaType: string = JSON.parse(new TextDecoder().decode(index)).mediaType;
  const files = new Map([
    ...ociFiles(images),
    [blobPath(digest), index] as const,
    [
      "index.json",
      jsonBytes({ schemaVersion: 2, manifests: [{ mediaType, digest, size: index.length }] }),
    ] as const,
  ]);
  return { images, index, digest, files };
}

Deno.test({
  name: "push: an index goes with all platforms, through skopeo and containerd and back",
  ...needs({ root: true, mount: true, tools: [...REGISTRY_TOOLS, "containerd", "ctr"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    await using containerd = await startContainerd(temp.path);
    const ctr = [...containerd.ctr, "images"];
    const cli = cliIn(temp, "store");
    for (const form of ["gzip", "zstd", "docker"]) {
      const packing = form === "zstd" ? "zstd" : "gzip";
      const { images, index, digest, files } = manyPlatforms(packing, form === "docker");
      const name = (by: string) => `${registry.host}/${form}/${by}:1`;
      await loadFiles(temp, cli, name("varve"), files);
      assertEquals((await cli.json(["push", name("varve")])).digest, digest);
      assertEquals((await run(cli.command(["manifest", name("varve")]))).bytes, index);
      // skopeo notes in an index which of its layers are zstd.
      const from = name(packing === "zstd" ? "varve" : "skopeo");
      if (packing === "gzip") {
        const all = ["skopeo", "copy", "-q", "--all", "--preserve-digests", ...INSECURE];
        await run([...all, `docker://${name("varve")}`, `docker://${from}`]);
      }
      const platforms = ["--all-platforms", "--snapshotter", "native"];
      await run([...ctr, "pull", "--plain-http", ...platforms, from]);
      await run([...ctr, "push", "--plain-http", name("ctr"), from]);
      const copied = await cli.json(["copy", name("ctr"), name("copy")]);
      assertEquals([copied.digest, copied.counts.uploaded], [digest, 0]);
      for (const [i, { chainId }] of images.entries()) {
        const platform = `linux/${["amd64", "arm64"][i]}`;
        const other = cliIn(temp, `${form}-${i}`);
        const { images: [pulled] } = await other.json([
          "pull",
          name("copy"),
          "--platform",
          platform,
        ]);
        assertEquals([pulled.manifest, pulled.chainId], [digest, chainId]);
        // A name without a platform means the whole index, and the other platform is not here.
        await nameWholeIndex(temp.join(`${form}-${i}`), name("copy"), name("whole"));
        const whole = await other.any(["push", name("whole"), name(`part${i}`)]);
        assertEquals(whole.code, 6, whole.stderr);
        assertStringIncludes(whole.stderr, "--platform");
        // The platform that was pulled goes alone: the name was given for it.
        for (const option of [[], ["--platform", platform]]) {
          const one = await other.json(["push", name("copy"), name(`part${i}`), ...option]);
          assertEquals(one.digest, images[i]!.descriptor.digest);
        }
      }
    }
  },
});

/** Gives the target of an image another name, which stands for no platform of it. */
async function nameWholeIndex(root: string, image: string, name: string): Promise<void> {
  await using store = await openStore({ root });
  const record = store.images.get(image);
  assert(record !== undefined);
  store.images.set(name, record.target);
}

Deno.test({
  name: "delete: docker-registry refuses a tag, and the message says how a digest is given",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const cli = cliIn(temp, "store");
    const name = `${registry.host}/varve/app:1`;
    const image = sampleImage();
    await loadFiles(temp, cli, name, ociFiles([image]));
    await cli.text(["push", name]);
    const refused = await cli.any(["delete", name]);
    assertEquals(refused.code, 10);
    assertStringIncludes(refused.stderr, "varve delete REPOSITORY@DIGEST");
    const { digest } = image.descriptor;
    await cli.text(["delete", `${registry.host}/varve/app@${digest}`]);
    assertEquals((await cli.any(["digest", name])).code, 4);
  },
});
