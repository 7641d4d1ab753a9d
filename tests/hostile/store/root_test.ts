import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { filesOf } from "../../conformance/store_judge.ts";
import { startChild } from "../../crash/store_children.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** Modes of everything in a store; of a driver's directories only that they are there. */
async function modesOf(root: string): Promise<Record<string, string>> {
  const modes: Record<string, string> = { ".": mode(await Deno.lstat(root)) };
  for (const path of await filesOf(root)) {
    if (path.includes("/fs/")) continue;
    modes[path] = mode(await Deno.lstat(`${root}/${path}`));
  }
  return modes;
}

function mode(info: Deno.FileInfo): string {
  return ((info.mode ?? 0) & 0o7777).toString(8);
}

for (const umask of [0o000, 0o022, 0o077, 0o777]) {
  Deno.test(`I01: modes do not follow the umask ${umask.toString(8).padStart(3, "0")}`, async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await using child = startChild({ root, seeds: [1], image: "a", umask, directories: true });
    assertEquals(await child.end(), 0);
    for (const [path, mode] of Object.entries(await modesOf(root))) {
      const { isDirectory } = await Deno.lstat(`${root}/${path}`);
      const expected = isDirectory
        ? ["700"]
        : /^(meta\.db|store\.lock|ingest\/|reserve\/)/.test(path)
        ? ["600"]
        : path.endsWith("/marker")
        ? ["400"]
        : path.startsWith("content/") && !path.includes("blobs")
        ? ["644"]
        : ["444"];
      assert(expected.includes(mode), `${path} is ${mode}, not ${expected}`);
    }
  });
}

Deno.test("I01: a start tightens what was loosened", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await (await openStore({ root }))[Symbol.asyncDispose]();
  const before = await modesOf(root);
  for (const path of [root, `${root}/layers`, `${root}/content`, `${root}/ingest`]) {
    await Deno.chmod(path, 0o777);
  }
  await Deno.chmod(`${root}/meta.db`, 0o666);
  await (await openStore({ root }))[Symbol.asyncDispose]();
  assertEquals(await modesOf(root), before);
});

Deno.test({
  name: "I02: another user reads nothing",
  ...needs({ root: true }),
  fn: async () => {
    await using temp = await tempDir();
    await Deno.chmod(temp.path, 0o755);
    const root = temp.join("store");
    await using child = startChild({ root, seeds: [1], image: "a", umask: 0 });
    await child.end();
    for (const path of ["meta.db", "layers/1/layer.tar", "content/index.json"]) {
      await Deno.stat(`${root}/${path}`);
      const command = new Deno.Command("cat", {
        args: [`${root}/${path}`],
        uid: 65534,
        gid: 65534,
      });
      const { success, stderr } = await command.output();
      assertEquals(success, false, path);
      assertStringIncludes(new TextDecoder().decode(stderr), "Permission denied");
    }
  },
});

Deno.test("I12: a root that is no store is refused and left alone", async () => {
  await using temp = await tempDir();
  const store = temp.join("store");
  await (await openStore({ root: store }))[Symbol.asyncDispose]();
  await Deno.symlink(store, temp.join("link"));
  await Deno.writeTextFile(temp.join("file"), "");
  await Deno.mkdir(temp.join("home"), { mode: 0o755 });
  await Deno.writeTextFile(temp.join("home", "letter"), "dear");
  for (const name of ["link", "file", "home"]) {
    const before = mode(await Deno.stat(temp.join(name)));
    const error = await assertRejects(() => openStore({ root: temp.join(name) }), VarveError);
    assertEquals(error.code, "E_PRECONDITION", name);
    assertEquals(mode(await Deno.stat(temp.join(name))), before, name);
  }
  assertEquals(await filesOf(temp.join("home")), ["letter"]);
});

Deno.test("I12: a directory of the store that is a symbolic link is refused", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await (await openStore({ root }))[Symbol.asyncDispose]();
  await Deno.mkdir(temp.join("victim"), { mode: 0o755 });
  for (const name of ["layers", "trash", "content/blobs/sha256"]) {
    await Deno.rename(`${root}/${name}`, temp.join("aside"));
    await Deno.symlink(temp.join("victim"), `${root}/${name}`);
    const error = await assertRejects(() => openStore({ root }), VarveError);
    assertEquals(error.code, "E_PRECONDITION");
    await Deno.remove(`${root}/${name}`);
    await Deno.rename(temp.join("aside"), `${root}/${name}`);
  }
  assertEquals(mode(await Deno.stat(temp.join("victim"))), "755");
  assertEquals(await filesOf(temp.join("victim")), []);
});

Deno.test({
  name: "I12: a store of another user is refused",
  ...needs({ root: true }),
  fn: async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await (await openStore({ root }))[Symbol.asyncDispose]();
    await Deno.chown(`${root}/layers`, 12345, 12345);
    const inner = await assertRejects(() => openStore({ root }), VarveError);
    await Deno.chown(root, 12345, 12345);
    const outer = await assertRejects(() => openStore({ root }), VarveError);
    assertEquals([inner.code, outer.code], ["E_DENIED", "E_DENIED"]);
  },
});

Deno.test("a root is made with its parents, and is absolute from then on", async () => {
  await using temp = await tempDir();
  await using store = await openStore({ root: `${temp.path}/a/./b//../c d,e:f\\g/` });
  assertEquals(store.root, `${temp.path}/a/c d,e:f\\g`);
  assertEquals(mode(await Deno.stat(store.root as string)), "700");
  store.settings.set("driver", "native");
  await using again = await openStore({ root: store.root as string });
  assertEquals(again.settings.get("driver"), "native");
  for (const root of ["", "a\0b"]) await assertRejects(() => openStore({ root }), RangeError);
});

Deno.test("the durability is an option, else the setting, else full", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  const opened = async (options: { durability?: "full" | "none" } = {}) => {
    await using store = await openStore({ root, ...options });
    store.settings.set("durability", "none");
    return store.durability;
  };
  assertEquals([await opened(), await opened(), await opened({ durability: "full" })], [
    "full",
    "none",
    "full",
  ]);
});

Deno.test("a store that is closed says so", async () => {
  await using temp = await tempDir();
  const store = await openStore({ root: temp.path });
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  const error = await assertRejects(() => Promise.try(() => store.images.list()), VarveError);
  assertEquals(error.code, "E_PRECONDITION");
});
