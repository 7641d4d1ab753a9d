/** Where registries are: mirrors of hosts.toml and proxies of the environment, with Debian's docker-registry behind. */
import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { connectProxy } from "../support/registry/connect_proxy.ts";
import { dockerRegistry, REGISTRY_TOOLS, USER } from "../support/registry/docker_registry.ts";

const tools = needs({ tools: REGISTRY_TOOLS });
const image = sampleImage();

function cliIn(temp: TempDir, name: string, env: Record<string, string>): Cli {
  const home = { HOME: temp.path, XDG_RUNTIME_DIR: temp.path };
  return new Cli(temp.join(name), { env: { ...home, ...env } });
}

async function hostsToml(directory: string, name: string, text: string): Promise<void> {
  await Deno.mkdir(`${directory}/${name}`, { recursive: true });
  await Deno.writeTextFile(`${directory}/${name}/hosts.toml`, text);
}

Deno.test({
  name:
    "mirrors: the first that answers serves, also for a registry that does not exist; pushes use none",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    await using other = await dockerRegistry();
    const hosts = temp.join("config/varve/certs.d");
    const file = temp.join("image.tar");
    await Deno.writeFile(file, archiveTar(ociFiles([image])));
    // Found by XDG_CONFIG_HOME; the one that refuses every connection comes first.
    const full = cliIn(temp, "full", { XDG_CONFIG_HOME: temp.join("config") });
    await hostsToml(
      hosts,
      "_default",
      `[host."http://localhost:2"]
capabilities = ["pull", "resolve"]
[host."http://${other.host}"]
capabilities = ["pull", "resolve"]
[host."http://${registry.host}"]
capabilities = ["pull", "resolve"]`,
    );
    await hostsToml(
      hosts,
      "registry.test_5000_",
      `server = "http://${registry.host}"
[host."http://${other.host}"]
capabilities = ["pull"]`,
    );
    await full.text(["load", file, "--name", "registry.test:5000/team/app:1"]);
    const pushed = await full.json(["push", "registry.test:5000/team/app:1"]);
    assertEquals(pushed.digest, image.descriptor.digest);
    for (const name of ["registry.test:5000/team/app:1", "nowhere.test/team/app:1"]) {
      const empty = cliIn(temp, `empty-${name.length}`, { XDG_CONFIG_HOME: temp.join("config") });
      const { images: [pulled] } = await empty.json(["pull", name]);
      assertEquals(pulled.name, name);
      assertEquals(pulled.manifest, image.descriptor.digest);
    }
    // A directory that the user names beats it, and has nothing.
    const bare = cliIn(temp, "bare", {
      XDG_CONFIG_HOME: temp.join("config"),
      VARVE_HOSTS_DIR: temp.join("none"),
    });
    assertEquals((await bare.any(["pull", "nowhere.test/team/app:1"])).code, 10);
  },
});

Deno.test({
  name: "hosts.toml: a host in plain http that may push is used before the server in https",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const host = registry.host.replace("localhost", "127.0.0.1");
    const env = { VARVE_HOSTS_DIR: temp.join("certs.d"), DOCKER_CONFIG: temp.path };
    await hostsToml(
      temp.join("certs.d"),
      host,
      `server = "https://${host}"
[host."http://${host}"]
capabilities = ["pull", "resolve", "push"]
skip_verify = true`,
    );
    const file = temp.join("image.tar");
    await Deno.writeFile(file, archiveTar(ociFiles([image])));
    const full = cliIn(temp, "full", env);
    await full.text(["login", host, "-u", "user", "--password-stdin"], { stdin: "password" });
    await full.text(["load", file, "--name", `${host}/app:1`]);
    assertEquals((await full.json(["push", `${host}/app:1`])).digest, image.descriptor.digest);
    const { images: [pulled] } = await cliIn(temp, "empty", env).json(["pull", `${host}/app:1`]);
    assertEquals(pulled.manifest, image.descriptor.digest);
  },
});

Deno.test({
  name: "skip_verify: any certificate of the registry itself is accepted, with a warning",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ tls: true, basic: true });
    // Nobody knows its authority.
    const { host } = registry;
    const large = buildImage({
      name: "example.org/large:1",
      layers: [[{ name: "large", content: prng(7).bytes(9_000_000) }]],
    });
    const file = temp.join("image.tar");
    await Deno.writeFile(file, archiveTar(ociFiles([large])));
    const env = { VARVE_HOSTS_DIR: temp.join("certs.d"), DOCKER_CONFIG: temp.path };
    await hostsToml(temp.join("certs.d"), host, `server = "https://${host}"\nskip_verify = true`);
    const full = cliIn(temp, "full", env);
    await full.text(["load", file, "--name", `${host}/app:1`]);
    const login = await full.any(["login", host, "-u", USER.username, "--password-stdin"], {
      stdin: USER.password,
    });
    assertEquals(login.code, 0, login.stderr);
    assertStringIncludes(login.stderr, "is not verified");
    assertEquals((await full.json(["push", `${host}/app:1`])).digest, large.descriptor.digest);
    const { images: [pulled] } = await cliIn(temp, "empty", env).json(["pull", `${host}/app:1`]);
    assertEquals(pulled.manifest, large.descriptor.digest);
    assertEquals(pulled.chainId, large.chainId);
    await hostsToml(temp.join("certs.d"), host, `server = "https://${host}"`);
    const verified = await full.any(["pull", `${host}/app:1`]);
    assertEquals(verified.code, 10);
    assertStringIncludes(verified.stderr, "its certificate is");
  },
});

Deno.test({
  name: "proxies: HTTPS_PROXY is used but for what NO_PROXY names, and no message has its password",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ tls: true });
    await using proxy = connectProxy();
    const name = `registry.test:${registry.host.split(":")[1]}/app:1`;
    const host = name.slice(0, name.indexOf("/"));
    const file = temp.join("image.tar");
    await Deno.writeFile(file, archiveTar(ociFiles([image])));
    await hostsToml(
      temp.join("certs.d"),
      host,
      `server = "https://${host}"\nca = "${registry.ca}"`,
    );
    const env = {
      VARVE_HOSTS_DIR: temp.join("certs.d"),
      HTTPS_PROXY: `http://p:PROXY-1@${proxy.host}`,
      DENO_NO_UPDATE_CHECK: "1",
    };
    const full = cliIn(temp, "full", env);
    await full.text(["load", file, "--name", name]);
    assertEquals((await full.json(["push", name])).digest, image.descriptor.digest);
    const before = proxy.heads.length;
    assert(before > 0);
    const { images: [pulled] } = await cliIn(temp, "empty", env).json(["pull", name]);
    assertEquals(pulled.manifest, image.descriptor.digest);
    assert(proxy.heads.length > before);
    for (const head of proxy.heads) assertStringIncludes(head, btoa("p:PROXY-1"));
    const all = proxy.heads.length;
    // At the same time: each waits a while before it gives up.
    const byName = ["*.test", ".test", "registry.test", host, "*"].map(async (none) => {
      const direct = await full.any(["digest", name], { env: { NO_PROXY: none } });
      assertEquals(direct.code, 10, none);
      assertStringIncludes(direct.stderr, "DNS");
    });
    // An address that stands for this machine, but that is not loopback by its name.
    const byAddress = ["*", "0.0.0.0:2"].map(async (none) => {
      const direct = await full.any(["digest", "0.0.0.0:2/app:1"], { env: { NO_PROXY: none } });
      assertEquals(direct.code, 10, none);
      assertFalse(direct.stderr.includes("proxy"), direct.stderr);
    });
    await Promise.all([...byName, ...byAddress]);
    assertEquals(proxy.heads.length, all);
    const port = await full.any(["digest", "0.0.0.0:2/app:1"], { env: { NO_PROXY: "0.0.0.0:3" } });
    assertEquals(port.code, 10);
    assert(proxy.heads.length > all);
    const dead = await full.any(["digest", name], {
      env: { HTTPS_PROXY: "http://p:PROXY-1@127.0.0.1:2" },
    });
    assertEquals(dead.code, 10);
    assertStringIncludes(dead.stderr, "proxy");
    assertFalse(dead.stderr.includes("PROXY-1"), dead.stderr);
  },
});
