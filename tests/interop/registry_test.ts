/** What varve pulls and pushes, beside skopeo and Debian's docker-registry. */
import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import {
  archiveTar,
  buildImage,
  type BuiltImage,
  ociFiles,
  writeArchive,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { cuttingProxy } from "../support/registry/answer_cutter.ts";
import { dockerRegistry, REGISTRY_TOOLS, USER } from "../support/registry/docker_registry.ts";

const tools = needs({ tools: REGISTRY_TOOLS });

/** A layout directory that skopeo reads. */
async function layoutOf(temp: TempDir, name: string, image: BuiltImage): Promise<string> {
  const directory = temp.join(name);
  await Deno.mkdir(directory);
  await writeArchive(directory, ociFiles([image]));
  return directory;
}

async function skopeoPush(layout: string, to: string, ...more: string[]): Promise<void> {
  await run([
    "skopeo",
    "copy",
    "-q",
    ...more,
    "--dest-tls-verify=false",
    `oci:${layout}:1`,
    `docker://${to}`,
  ]);
}

/** A command whose store, home and settings are in a directory of their own. */
function cliIn(temp: TempDir, env: Record<string, string> = {}): Cli {
  return new Cli(temp.join("store"), {
    env: { HOME: temp.path, XDG_RUNTIME_DIR: temp.path, ...env },
  });
}

Deno.test({
  name: "registry: varve pulls what skopeo pushed, of every compression and both families",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const cli = cliIn(temp);
    const image = sampleImage();
    const zstd = await layoutOf(temp, "zstd", sampleImage({ packing: "zstd" }));
    const layout = await layoutOf(temp, "layout", image);
    const cases: [string, string, string[]][] = [
      ["same", layout, ["--preserve-digests"]],
      ["docker", layout, ["--format", "v2s2", "--dest-compress-format", "gzip"]],
      ["zstd", zstd, ["--format", "oci"]],
    ];
    for (const [tag, from, args] of cases) {
      const name = `${registry.host}/team/app:${tag}`;
      await skopeoPush(from, name, ...args);
      const { images: [pulled] } = await cli.json(["pull", name]);
      const digest = (await run([
        "skopeo",
        "inspect",
        "--tls-verify=false",
        "--format",
        "{{.Digest}}",
        `docker://${name}`,
      ])).stdout.trim();
      assertEquals(pulled.manifest, digest, tag);
      assertEquals(pulled.name, name);
      assertEquals(
        pulled.layers.map(({ diffId }: { diffId: string }) => diffId),
        image.layers.map(({ diffId }) => diffId),
      );
      assertEquals(pulled.chainId, image.chainId);
      assertEquals((await cli.text(["digest", name])).trim(), digest);
      assertEquals(await cli.text(["cat", `${name}:/data/small`]), "s");
    }
    assertEquals((await cli.json(["tags", `${registry.host}/team/app`])).tags.sort(), [
      "docker",
      "same",
      "zstd",
    ]);
    const raw = await run(cli.command(["manifest", `${registry.host}/team/app:same`]));
    assertEquals(raw.bytes, image.manifest);
    const again = await cli.json(["pull", `${registry.host}/team/app:same`]);
    assert(again.images[0].layers.every(({ processed }: { processed: boolean }) => !processed));
    const missing = await cli.any(["pull", `${registry.host}/team/app:none`]);
    assertEquals(missing.code, 4, missing.stderr);
  },
});

Deno.test({
  name: "registry: skopeo pulls what varve pushed, byte for byte; blobs are sent once",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const cli = cliIn(temp);
    for (const docker of [false, true]) {
      const image = sampleImage({ docker, packing: docker ? "gzip" : ["gzip", "zstd", "none"] });
      const archive = temp.join(`${docker}.tar`);
      await Deno.writeFile(archive, archiveTar(ociFiles([image])));
      const name = `${registry.host}/${docker ? "docker" : "oci"}/app:1`;
      await cli.text(["load", archive, "--name", name]);
      const pushed = await cli.json(["push", name]);
      assertEquals(pushed.digest, image.descriptor.digest);
      const outcomes = (
        json: { blobs: { outcome: string }[] },
      ) => [...new Set(json.blobs.map(({ outcome }) => outcome))];
      // The second image shares a layer with the first one.
      assertEquals(outcomes(pushed).sort(), docker ? ["mounted", "uploaded"] : ["uploaded"]);
      assertEquals(outcomes(await cli.json(["push", name])), ["present"]);
      const other = `${registry.host}/${docker ? "docker" : "oci"}/other:2`;
      assertEquals(outcomes(await cli.json(["push", name, other])), ["mounted"]);
      for (const at of [name, other]) {
        const directory = temp.join(`got-${docker}-${at.slice(-1)}`);
        await run([
          "skopeo",
          "copy",
          "-q",
          "--preserve-digests",
          "--src-tls-verify=false",
          `docker://${at}`,
          `dir:${directory}`,
        ]);
        assertEquals(await Deno.readFile(`${directory}/manifest.json`), image.manifest);
        for (const { descriptor, blob } of image.layers) {
          assertEquals(await Deno.readFile(`${directory}/${descriptor.digest.slice(7)}`), blob);
        }
      }
    }
  },
});

Deno.test({
  name: "registry: a copy from one registry to another, and inside of one",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using first = await dockerRegistry();
    await using second = await dockerRegistry();
    const cli = cliIn(temp);
    const image = sampleImage();
    const name = `${first.host}/app:1`;
    await skopeoPush(await layoutOf(temp, "layout", image), name, "--preserve-digests");
    const outcomes = async (to: string) => {
      const copied = await cli.json(["copy", name, to]);
      assertEquals(copied.digest, image.descriptor.digest);
      const pulled = await cli.json(["pull", to]);
      assertEquals(pulled.images[0].chainId, image.chainId);
      return [...new Set(copied.blobs.map(({ outcome }: { outcome: string }) => outcome))];
    };
    assertEquals(await outcomes(`${second.host}/elsewhere/app:2`), ["uploaded"]);
    assertEquals(await outcomes(`${second.host}/elsewhere/app:3`), ["present"]);
    assertEquals(await outcomes(`${first.host}/other:1`), ["mounted"]);
  },
});

Deno.test({
  name: "H29 registry: a proxy cuts every connection after a megabyte, and nothing is sent twice",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const content = prng(29).bytes(9_000_000);
    const image = buildImage({
      name: "example.org/large:1",
      layers: [[{ name: "large", content }], [{ name: "small", content: "s" }]],
    });
    await skopeoPush(
      await layoutOf(temp, "layout", image),
      `${registry.host}/app:1`,
      "--preserve-digests",
    );
    await using proxy = cuttingProxy(Number(registry.host.split(":")[1]), 1_000_000);
    const cli = cliIn(temp);
    const { images: [pulled] } = await cli.json(["pull", `${proxy.host}/app:1`]);
    assertEquals(pulled.chainId, image.chainId);
    const size = image.layers.reduce((sum, { blob }) => sum + blob.length, 0);
    assert(proxy.cuts() >= 8, `${proxy.cuts()} cuts`);
    assert(proxy.passed() <= 1.1 * size, `${proxy.passed()} bytes for ${size}`);
  },
});

Deno.test({
  name: "registry: login is verified, kept for its owner alone, used, and forgotten",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ basic: true });
    const cli = cliIn(temp, { DOCKER_CONFIG: temp.join("docker") });
    const file = temp.join("docker/config.json");
    const layout = await layoutOf(temp, "layout", sampleImage());
    const name = `${registry.host}/app:1`;
    await skopeoPush(layout, name, "--dest-creds", `${USER.username}:${USER.password}`);
    const login = ["login", registry.host, "--username", USER.username, "--password-stdin"];
    const wrong = await cli.any(login, { stdin: "WRONG-PASSWORD\n" });
    assertEquals(wrong.code, 11, wrong.stderr);
    assertFalse(wrong.stderr.includes("WRONG-PASSWORD"));
    assertEquals((await runAny(["test", "-e", file])).code, 1);
    assertEquals((await cli.any(["pull", name])).code, 11);
    await Deno.mkdir(temp.join("docker"));
    await Deno.writeTextFile(file, JSON.stringify({ other: { kept: true } }));
    await cli.text(login, { stdin: `${USER.password}\n` });
    assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
    assertEquals(JSON.parse(await Deno.readTextFile(file)), {
      other: { kept: true },
      auths: { [registry.host]: { auth: btoa(`${USER.username}:${USER.password}`) } },
    });
    assertEquals((await cli.json(["pull", name])).images[0].name, name);
    await cli.text(["push", name, `${registry.host}/pushed:1`]);
    // Others read it, too.
    await run(["skopeo", "inspect", "--tls-verify=false", `docker://${registry.host}/pushed:1`], {
      env: { REGISTRY_AUTH_FILE: file },
    });
    assertEquals((await cli.json(["logout", registry.host])).removed, true);
    assertEquals(JSON.parse(await Deno.readTextFile(file)), { other: { kept: true }, auths: {} });
    assertEquals((await cli.any(["digest", name])).code, 11);
  },
});

Deno.test({
  name: "registry: TLS with an authority of its own, by hosts.toml and by nothing else",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ tls: true });
    const layout = await layoutOf(temp, "layout", sampleImage());
    const name = `${registry.host}/app:1`;
    await skopeoPush(layout, name, "--preserve-digests");
    const hosts = temp.join("certs.d", registry.host);
    await Deno.mkdir(hosts, { recursive: true });
    const cli = cliIn(temp, { VARVE_HOSTS_DIR: temp.join("certs.d") });
    const server = `server = "https://${registry.host}"\n`;
    await Deno.writeTextFile(`${hosts}/hosts.toml`, server);
    const unknown = await cli.any(["pull", name]);
    assertEquals(unknown.code, 10, unknown.stderr);
    assertStringIncludes(unknown.stderr, "from an unknown authority");
    await Deno.copyFile(registry.ca, `${hosts}/ca.pem`);
    await Deno.writeTextFile(`${hosts}/hosts.toml`, `${server}ca = "ca.pem"\n`);
    assertEquals((await cli.json(["pull", name])).images[0].name, name);
    await cli.text(["push", name, `${registry.host}/pushed:1`]);
  },
});
