/** Authentication beside skopeo and Debian's docker-registry: tokens, client certificates, and nothing told. */
import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import type { Digest } from "../../lib/digest/mod.ts";
import { loadClientConfig, RegistryClient } from "../../lib/registry/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { codeOf } from "../support/code_of.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny, type RunResult } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import {
  dockerRegistry,
  REGISTRY_TOOLS,
  type RegistrySpec,
  USER,
} from "../support/registry/docker_registry.ts";
import { expiringFront } from "../support/registry/expiring_front.ts";
import { tokenServer } from "../support/registry/token_server.ts";

const tools = needs({ tools: REGISTRY_TOOLS });
const image = sampleImage();
const ALICE = { alice: "PASSWORD-of-alice" };
const LOGIN = ["--username", "alice", "--password-stdin"];

/** A command that remembers all that it wrote, with a store and a home of its own. */
class Noted {
  readonly cli: Cli;
  readonly said: string[] = [];

  constructor(temp: TempDir, name: string, env: Record<string, string> = {}) {
    const home = temp.join(`${name}-home`);
    this.cli = new Cli(temp.join(name), { env: { HOME: home, XDG_RUNTIME_DIR: home, ...env } });
  }

  async any(args: readonly string[], stdin?: string): Promise<RunResult> {
    const result = await this.cli.any(args, stdin === undefined ? {} : { stdin });
    this.said.push(result.stdout, result.stderr);
    return result;
  }

  async code(args: readonly string[], stdin?: string): Promise<number> {
    return (await this.any(args, stdin)).code;
  }

  // deno-lint-ignore no-explicit-any
  async json(args: readonly string[]): Promise<any> {
    const { code, stdout, stderr } = await this.any([...args, "--format", "json"]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  }
}

async function archive(temp: TempDir): Promise<string> {
  const file = temp.join("image.tar");
  await Deno.writeFile(file, archiveTar(ociFiles([image])));
  return file;
}

Deno.test({
  name: "plain, TLS, Basic, tokens: what is pushed comes back into an empty store, the same",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using tokens = await tokenServer({ users: ALICE, grant: (user) => user === "alice" });
    const file = await archive(temp);
    const cases: [string, RegistrySpec, string, string][] = [
      ["plain", {}, "", ""],
      ["tls", { tls: true }, "", ""],
      ["basic", { basic: true, tls: true }, USER.username, USER.password],
      ["token", { token: tokens.config }, "alice", ALICE.alice],
    ];
    for (const [kind, spec, user, password] of cases) {
      await using registry = await dockerRegistry(spec);
      const { host } = registry;
      const name = `${host}/team/app:1`;
      const hosts = temp.join(kind, host.replace(/:(.*)/, "_$1_"));
      await Deno.mkdir(hosts, { recursive: true });
      if (spec.tls === true) {
        const toml = `server = "https://${host}"\nca = ["${registry.ca}"]\n`;
        await Deno.writeTextFile(`${hosts}/hosts.toml`, toml);
      }
      const env = { VARVE_HOSTS_DIR: temp.join(kind), DOCKER_CONFIG: temp.join(kind) };
      const full = new Noted(temp, `${kind}-full`, env);
      await full.json(["load", file, "--name", name]);
      if (user !== "") {
        assertEquals(await full.code(["push", name]), 11, kind);
        const login = ["login", host, "-u", user, "--password-stdin"];
        assertEquals(await full.code(login, password), 0, kind);
      }
      assertEquals((await full.json(["push", name])).digest, image.descriptor.digest, kind);
      const empty = new Noted(temp, `${kind}-empty`, env);
      const { images: [pulled] } = await empty.json(["pull", name]);
      assertEquals(pulled.manifest, image.descriptor.digest, kind);
      assertEquals(pulled.imageId, image.imageId, kind);
      assertEquals(pulled.chainId, image.chainId, kind);
      for (const one of [full, empty]) told(one, [...tokens.given, USER.password, ALICE.alice]);
    }
  },
});

Deno.test({
  name: "tokens: users with the right list repositories, and delete manifests and blobs",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using tokens = await tokenServer({ users: ALICE });
    await using registry = await dockerRegistry({ token: tokens.config });
    const { host } = registry;
    const layout = temp.join("image.tar");
    await Deno.writeFile(layout, archiveTar(ociFiles([image])));
    for (const name of ["one", "two"]) {
      const creds = ["--dest-creds", `alice:${ALICE.alice}`, "--dest-tls-verify=false"];
      const to = `docker://${host}/${name}:1`;
      await run([
        "skopeo",
        "copy",
        "-q",
        "--preserve-digests",
        ...creds,
        `oci-archive:${layout}`,
        to,
      ]);
    }
    const credential = { kind: "basic", username: "alice", password: ALICE.alice } as const;
    using nobody = new RegistryClient(await loadClientConfig(host, undefined));
    using alice = new RegistryClient(await loadClientConfig(host, undefined, { credential }));
    assertEquals(await Array.fromAsync(alice.catalog()), ["one", "two"]);
    assertEquals(await codeOf(() => Array.fromAsync(nobody.catalog())), "E_DENIED");
    const digest = image.descriptor.digest as Digest;
    assertEquals(
      await codeOf(() => nobody.deleteManifest({ repository: "one", digest })),
      "E_DENIED",
    );
    await alice.deleteManifest({ repository: "one", digest });
    assertEquals(await alice.hasManifest({ repository: "one", digest }), false);
    assertEquals(await alice.hasManifest({ repository: "two", digest }), true);
    const again = codeOf(() => alice.deleteManifest({ repository: "one", digest }));
    assertEquals(await again, "E_NOT_FOUND");
    await alice.deleteBlob("two", image.imageId as Digest);
    const blob = { digest: image.imageId as Digest, size: image.config.length };
    assertEquals(await codeOf(() => alice.smallBlob("two", blob, 1 << 20)), "E_MISSING");
    // docker-registry deletes nothing by its tag.
    const tag = codeOf(() => alice.deleteManifest({ repository: "two", tag: "1" }));
    assertEquals(await tag, "E_REGISTRY");
  },
});

Deno.test({
  name: "tokens: anonymous pulls, pushes after a login, copies with both scopes",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using tokens = await tokenServer({ users: ALICE });
    await using registry = await dockerRegistry({ token: tokens.config });
    const { host } = registry;
    const alice = new Noted(temp, "alice");
    const nobody = new Noted(temp, "nobody");
    // The server is right: others push and pull with it, and are refused by it.
    const file = await archive(temp);
    const skopeo = (to: string, creds: string) =>
      runAny([
        ...["skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false"],
        ...["--dest-creds", creds, `oci-archive:${file}`, `docker://${host}/${to}`],
      ]);
    assertEquals((await skopeo("by/skopeo:1", `alice:${ALICE.alice}`)).code, 0);
    assert((await skopeo("by/skopeo:2", "alice:wrong")).code !== 0);

    const wrong = await alice.any(["login", host, ...LOGIN], "WRONG-PASSWORD\n");
    assertEquals(wrong.code, 11, wrong.stderr);
    assertFalse(wrong.stderr.includes("WRONG-PASSWORD"));
    assertEquals(await alice.code(["login", host, ...LOGIN], ALICE.alice), 0);
    await alice.json(["load", file, "--name", `${host}/team/app:1`]);
    const pushed = await alice.json(["push", `${host}/team/app:1`]);
    assertEquals(pushed.digest, image.descriptor.digest);
    const copied = await alice.json(["copy", `${host}/team/app:1`, `${host}/other/app:2`]);
    assertEquals(copied.digest, image.descriptor.digest);
    assert(copied.blobs.every(({ outcome }: { outcome: string }) => outcome === "mounted"));
    const both = ["repository:other/app:pull,push", "repository:team/app:pull"];
    assert(tokens.asked.some(({ scopes }) => `${[...scopes].sort()}` === `${both}`));

    // Whoever has no login gets what nobody may get, and no more.
    for (const name of ["by/skopeo:1", "team/app:1", "other/app:2"]) {
      const { images: [pulled] } = await nobody.json(["pull", `${host}/${name}`]);
      assertEquals(pulled.manifest, image.descriptor.digest);
      assertEquals(pulled.chainId, image.chainId);
    }
    assertEquals((await nobody.json(["tags", `${host}/team/app`])).tags, ["1"]);
    assertEquals(await nobody.code(["push", `${host}/team/app:1`, `${host}/team/app:3`]), 11);
    await run(["skopeo", "inspect", "--tls-verify=false", `docker://${host}/other/app:2`]);
    assertEquals(await alice.code(["pull", `${host}/team/app:none`]), 4);

    assertEquals((await alice.json(["logout", host])).removed, true);
    assertEquals(await alice.code(["push", `${host}/team/app:1`, `${host}/team/app:4`]), 11);
    told(alice, [...tokens.given, ...Object.values(ALICE)]);
    told(nobody, tokens.given);
  },
});

/** Asserts that nothing which was written holds a secret, as it is or as Basic authentication has it. */
function told({ said }: Noted, secrets: readonly string[]): void {
  assert(said.join("").length > 200);
  for (const secret of secrets) {
    for (const form of [secret, btoa(secret), btoa(`alice:${secret}`)]) {
      assertFalse(said.some((text) => text.includes(form)), "a secret is in the output");
    }
  }
}

Deno.test({
  name: "tokens: a refresh token is used instead of a password, from a file and from a helper",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    const grant = (user: string | null) => user === "alice";
    await using tokens = await tokenServer({ users: ALICE, grant });
    await using registry = await dockerRegistry({ token: tokens.config });
    const { host } = registry;
    const secret = tokens.refreshToken("alice");
    const config = temp.join("config.json");
    await Deno.mkdir(temp.join("bin"));
    await Deno.writeTextFile(
      temp.join("bin/docker-credential-mine"),
      `#!/bin/sh\nread server\necho "ECHOED ${secret}" >&2\n` +
        `echo '{"ServerURL":"'"$server"'","Username":"<token>","Secret":"${secret}"}'\n`,
      { mode: 0o755 },
    );
    const env = {
      DOCKER_CONFIG: temp.path,
      PATH: `${temp.join("bin")}:${Deno.env.get("PATH")}`,
    };
    const file = await archive(temp);
    for (
      const [i, json] of [
        { auths: { [host]: { identitytoken: secret, auth: btoa("alice:") } } },
        { credHelpers: { [host]: "mine" } },
        { credsStore: "mine" },
      ].entries()
    ) {
      await Deno.writeTextFile(config, JSON.stringify(json));
      const alice = new Noted(temp, `alice-${i}`, env);
      await alice.json(["load", file, "--name", `${host}/app:${i}`]);
      assertEquals(
        (await alice.json(["push", `${host}/app:${i}`])).digest,
        image.descriptor.digest,
      );
      const empty = new Noted(temp, `empty-${i}`, env);
      const { images: [pulled] } = await empty.json(["pull", `${host}/app:${i}`]);
      assertEquals(pulled.manifest, image.descriptor.digest);
      for (const one of [alice, empty]) told(one, [...tokens.given, "ECHOED"]);
    }
    assert(tokens.asked.every(({ by, method }) => by === "refresh" && method === "POST"));
    // One that is no longer taken is told as such.
    await Deno.writeTextFile(
      config,
      JSON.stringify({ auths: { [host]: { identitytoken: "REFRESH-gone" } } }),
    );
    const gone = await new Noted(temp, "gone", env).any(["pull", `${host}/app:1`]);
    assertEquals(gone.code, 11);
    assertStringIncludes(gone.stderr, "log in again");
    assertFalse(gone.stderr.includes("REFRESH-gone"));
  },
});

Deno.test({
  name: "tokens: a token that expires in the middle of a pull or a push is renewed",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using tokens = await tokenServer({ users: ALICE });
    await using registry = await dockerRegistry({ token: tokens.config });
    const large = buildImage({
      name: "example.org/large:1",
      layers: [
        [{ name: "large", content: prng(5).bytes(5_000_000) }],
        [{ name: "small", content: "s" }],
      ],
    });
    const file = temp.join("large.tar");
    await Deno.writeFile(file, archiveTar(ociFiles([large])));
    const expired = await tokens.expired();
    {
      await using front = expiringFront(registry.host, expired, "upload");
      const alice = new Noted(temp, "alice");
      assertEquals(await alice.code(["login", front.host, ...LOGIN], ALICE.alice), 0);
      await alice.json(["load", file, "--name", `${front.host}/app:1`]);
      const pushed = await alice.json(["push", `${front.host}/app:1`]);
      assertEquals(pushed.digest, large.descriptor.digest);
      assert(front.refused() > 0);
      told(alice, [...tokens.given, expired]);
    }
    {
      await using front = expiringFront(registry.host, expired, "blob");
      const nobody = new Noted(temp, "nobody");
      const { images: [pulled] } = await nobody.json(["pull", `${front.host}/app:1`]);
      assertEquals(pulled.manifest, large.descriptor.digest);
      assertEquals(pulled.chainId, large.chainId);
      assert(front.refused() > 0);
      told(nobody, [...tokens.given, expired]);
    }
  },
});

Deno.test({
  name:
    "client certificates: by hosts.toml and by Docker's file names; without one a clear refusal",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ clients: true });
    const { host } = registry;
    const folder = temp.join("certs.d", host);
    await Deno.mkdir(folder, { recursive: true });
    const alice = new Noted(temp, "alice", { VARVE_HOSTS_DIR: temp.join("certs.d") });
    await alice.json(["load", await archive(temp), "--name", `${host}/app:1`]);
    const toml = (text: string) =>
      Deno.writeTextFile(`${folder}/hosts.toml`, `server = "https://${host}"\n${text}`);
    await toml(`ca = "${registry.ca}"`);
    const without = await alice.any(["push", `${host}/app:1`]);
    assertEquals(without.code, 10, without.stderr);
    assertStringIncludes(without.stderr, "client certificate");
    await toml(`ca = "${registry.ca}"\nclient = "${registry.client}"`);
    assertEquals((await alice.json(["push", `${host}/app:1`])).digest, image.descriptor.digest);
    await Deno.remove(`${folder}/hosts.toml`);
    await Deno.copyFile(registry.ca, `${folder}/ca.crt`);
    await Deno.copyFile(registry.client, `${folder}/client.cert`);
    await Deno.copyFile(registry.client, `${folder}/client.key`);
    const empty = new Noted(temp, "empty", { VARVE_HOSTS_DIR: temp.join("certs.d") });
    const { images: [pulled] } = await empty.json(["pull", `${host}/app:1`]);
    assertEquals(pulled.manifest, image.descriptor.digest);
  },
});
