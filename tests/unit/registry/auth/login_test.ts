import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  findCredential,
  readCredentialsFile,
} from "../../../../lib/registry/auth/docker_config.ts";
import { eraseCredential, storeCredential } from "../../../../lib/registry/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { needs } from "../../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../../support/machine/temp_dir.ts";

const USER = { username: "user", password: "PASSWORD-1" };
const entry = { auth: btoa("user:PASSWORD-1") };

/** A credential helper that stores credentials in files beside itself. */
async function helperIn(temp: TempDir): Promise<string> {
  await Deno.mkdir(temp.join("bin"));
  const script = `#!/bin/sh
cd "${temp.path}" || exit 1
case $1 in
  store) cat > kept; echo stored >> said ;;
  get) read server; echo "get $server" >> said
    if [ -e kept ]; then cat kept; else echo "credentials not found in native keychain"; exit 1; fi ;;
  erase) read server; echo "erase $server" >> said; rm kept ;;
esac
`;
  await Deno.writeTextFile(temp.join("bin/docker-credential-mine"), script, { mode: 0o755 });
  return `${temp.join("bin")}:/usr/bin:/bin`;
}

async function saved(file: string): Promise<unknown> {
  return JSON.parse(await Deno.readTextFile(file));
}

Deno.test("login: other fields of a file stay, digit for digit; the file has mode 0600, also behind a link", async () => {
  await using temp = await tempDir();
  const real = temp.join("real.json");
  const file = temp.join("config.json");
  const others = `{"long":12345678901234567890,"psFormat":"x","__proto__":{"a":[1,{}]},` +
    `"auths":{"a.example":{"auth":"eA=="},"https://r.example/v2/":{"auth":"b2xk"}}}`;
  await Deno.writeTextFile(real, others, { mode: 0o644 });
  await Deno.symlink(real, file);
  assertEquals(await storeCredential(USER, { file, registry: "r.example" }), file);
  const text = await Deno.readTextFile(real);
  assert(text.includes('"long": 12345678901234567890'), text);
  assertEquals(JSON.parse(text).auths, { "a.example": { auth: "eA==" }, "r.example": entry });
  assertEquals(Object.keys(JSON.parse(text)), ["long", "psFormat", "__proto__", "auths"]);
  assertEquals(((await Deno.stat(real)).mode ?? 0) & 0o777, 0o600);
  assert((await Deno.lstat(file)).isSymlink);
  assertEquals(await eraseCredential({ file, registry: "r.example" }), true);
  assertEquals(await eraseCredential({ file, registry: "r.example" }), false);
  const names = [];
  for await (const { name } of Deno.readDir(temp.path)) names.push(name);
  assertEquals(names.sort(), ["config.json", "real.json"]);
});

Deno.test({
  name: "login: a file keeps its owner, group and mode; a new one has mode 0600",
  ...needs({ root: true }),
  fn: async () => {
    await using temp = await tempDir();
    const file = temp.join("config.json");
    const state = async () => {
      const { uid, gid, mode } = await Deno.stat(file);
      return [uid, gid, (mode ?? 0) & 0o7777];
    };
    const options = { file, registry: "r.example" };
    await storeCredential(USER, options);
    assertEquals(await state(), [0, 0, 0o600]);
    await Deno.chown(file, 1000, 1001);
    for (const mode of [0o640, 0o660, 0o400]) {
      await Deno.chmod(file, mode);
      await storeCredential(USER, options);
      assertEquals(await state(), [1000, 1001, mode]);
    }
    await eraseCredential(options);
    assertEquals(await state(), [1000, 1001, 0o400]);
    // A mode that lets all users read is not kept.
    await Deno.chmod(file, 0o644);
    await storeCredential(USER, options);
    assertEquals(await state(), [1000, 1001, 0o600]);
  },
});

Deno.test("login: a link without a target stays, and its target is created", async () => {
  await using temp = await tempDir();
  const file = temp.join("config.json");
  await Deno.symlink("dotfiles/docker.json", file);
  await Deno.mkdir(temp.join("dotfiles"));
  await Deno.symlink(temp.join("kept/real.json"), temp.join("dotfiles/docker.json"));
  await storeCredential(USER, { file, registry: "r.example" });
  assertEquals(await saved(temp.join("kept/real.json")), { auths: { "r.example": entry } });
  assert((await Deno.lstat(file)).isSymlink);
  // A circle of links.
  const circle = temp.join("circle");
  await Deno.symlink("circle", circle);
  assertEquals(
    await codeOf(() => storeCredential(USER, { file: circle, registry: "r.example" })),
    "E_DENIED",
  );
});

Deno.test("login: a malformed file is left as it is", async () => {
  await using temp = await tempDir();
  const file = temp.join("config.json");
  for (const text of ["{", '{"auths":{},"auths":{}}']) {
    await Deno.writeTextFile(file, text);
    assertEquals(await codeOf(() => storeCredential(USER, { file, registry: "r" })), "E_FORMAT");
    assertEquals(await Deno.readTextFile(file), text);
  }
});

Deno.test("login: a helper stores, gets and erases; the file keeps no earlier password", async () => {
  await using temp = await tempDir();
  const path = await helperIn(temp);
  const file = temp.join("config.json");
  const auths = { "docker.io": entry, "a.example": entry };
  await Deno.writeTextFile(file, JSON.stringify({ credsStore: "mine", auths }));
  const options = { file, registry: "docker.io", path };
  assertEquals(await storeCredential(USER, options), "docker-credential-mine");
  assertEquals(await saved(temp.join("kept")), {
    ServerURL: "https://index.docker.io/v1/",
    Username: "user",
    Secret: "PASSWORD-1",
  });
  assertEquals(await saved(file), { credsStore: "mine", auths: { "a.example": entry } });
  const read = await readCredentialsFile(file);
  assert(read !== undefined);
  assertEquals(await findCredential(read, { registry: "docker.io", path }), {
    kind: "basic",
    ...USER,
  });
  assertEquals(await eraseCredential(options), true);
  assertEquals(await eraseCredential(options), false);
  const said = await Deno.readTextFile(temp.join("said"));
  const hub = "https://index.docker.io/v1/";
  assertEquals(said, `stored\nget ${hub}\nget ${hub}\nerase ${hub}\nget ${hub}\n`);
  assertFalse(said.includes("PASSWORD"));
});

Deno.test("login: a helper for one registry wins over credsStore, and an empty name means the file", async () => {
  await using temp = await tempDir();
  const path = await helperIn(temp);
  const file = temp.join("config.json");
  const json = { credsStore: "none", credHelpers: { "r.example": "mine", "f.example": "" } };
  await Deno.writeTextFile(file, JSON.stringify(json));
  assertEquals(
    await storeCredential(USER, { file, registry: "r.example", path }),
    "docker-credential-mine",
  );
  assertEquals(await storeCredential(USER, { file, registry: "f.example", path }), file);
  assertEquals(await saved(file), { ...json, auths: { "f.example": entry } });
  const failure = codeOf(() => storeCredential(USER, { file, registry: "x.example", path }));
  assertEquals(await failure, "E_PRECONDITION");
  assertEquals(await saved(file), { ...json, auths: { "f.example": entry } });
});
