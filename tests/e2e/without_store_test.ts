/** What each verb does where there is no store: only some verbs make one. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GROUPS, INTERNAL_VERBS, VERBS } from "../../lib/cli/catalog.ts";
import type { Verb } from "../../lib/cli/verb.ts";
import type { WithoutStore } from "../../lib/cli/without_store.ts";
import { runCommand } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** Name of a verb with its group. Each new verb needs a row here. */
const RULES: Readonly<Record<string, readonly (readonly [WithoutStore, ...string[]])[]>> = {
  load: [["makes", "-"]],
  import: [["makes", "DIRECTORY", "a:1"]],
  pull: [["makes", "127.0.0.1:1/a:1", "--plain-http"]],
  "registry serve": [["makes", "--listen", "127.0.0.1:0"]],
  "config set": [["makes", "workers", "2"]],
  "snapshot prepare": [["makes", "key"], ["refuses", "key", "a:1"]],
  "snapshot view": [["makes", "key"], ["refuses", "key", "a:1"]],
  images: [["lists nothing"]],
  ps: [["lists nothing"]],
  mount: [["lists nothing"], ["refuses", "a:1", "DIRECTORY"]],
  umount: [["lists nothing", "--all"], ["refuses", "DIRECTORY"]],
  "snapshot ls": [["lists nothing"]],
  "config ls": [["lists nothing"]],
  "config get": [["lists nothing", "workers"]],
  reap: [["lists nothing"]],
  doctor: [["reports"]],
  save: [["refuses", "a:1", "-o", "OUTPUT"]],
  push: [["refuses", "a:1", "127.0.0.1:1/a:1"]],
  tag: [["refuses", "a:1", "b:1"]],
  rmi: [["refuses", "a:1"]],
  inspect: [["refuses", "a:1"]],
  history: [["refuses", "a:1"]],
  layers: [["refuses", "a:1"]],
  ls: [["refuses", "a:1"]],
  cat: [["refuses", "a:1:/x"]],
  stat: [["refuses", "a:1:/x"]],
  diff: [["refuses", "a:1", "b:1"]],
  tree: [["refuses", "a:1"]],
  unpack: [["refuses", "a:1", "OUTPUT"]],
  run: [["refuses", "a:1", "sh"]],
  commit: [["refuses", "key", "a:1"]],
  export: [["refuses", "a:1", "-o", "OUTPUT"]],
  squash: [["refuses", "a:1", "b:1"]],
  rebase: [["refuses", "a:1", "b:1", "c:1", "d:1"]],
  append: [["refuses", "a:1", "-", "b:1"]],
  "snapshot mounts": [["refuses", "key"]],
  "snapshot commit": [["refuses", "name", "key"]],
  "snapshot rm": [["refuses", "key"]],
  "snapshot stat": [["refuses", "key"]],
  "snapshot usage": [["refuses", "key"]],
  "snapshot label": [["refuses", "key", "a=b"]],
  copy: [["unused", "127.0.0.1:1/a:1", "127.0.0.1:1/b:1", "--plain-http"]],
  tags: [["unused", "127.0.0.1:1/a", "--plain-http"]],
  digest: [["unused", "127.0.0.1:1/a:1", "--plain-http"]],
  manifest: [["unused", "127.0.0.1:1/a:1", "--plain-http"]],
  login: [["unused", "127.0.0.1:1", "--username", "u", "--password-stdin"]],
  logout: [["unused", "127.0.0.1:1"]],
  version: [["unused"]],
  completions: [["unused", "bash"], ["unused", "bash", "--", "ls", "a"]],
};

/** Verbs that do their work and end with 0 here. The others need something that is not there, or a registry. */
const ENDS_WELL = /^(?:load|import|config set|snapshot prepare|snapshot view)$/;

/** The verbs of the catalogue by name. */
async function catalogue(): Promise<Map<string, Verb>> {
  const verbs = new Map<string, Verb>();
  for (const [name, read] of Object.entries({ ...VERBS, ...INTERNAL_VERBS })) {
    verbs.set(name, await read());
  }
  for (const [group, { verbs: read }] of Object.entries(GROUPS)) {
    for (const verb of await read()) verbs.set(`${group} ${verb.usage.split(" ", 1)}`, verb);
  }
  return verbs;
}

Deno.test("each verb of the catalogue has a row that says what it does without a store", async () => {
  const verbs = await catalogue();
  assertEquals(Object.keys(RULES).sort(), [...verbs.keys()].sort());
  for (const [name, verb] of verbs) {
    for (const [rule, ...args] of RULES[name] ?? []) {
      const { withoutStore } = verb;
      const words = args.filter((arg) => !arg.startsWith("--"));
      assertEquals(
        typeof withoutStore === "function" ? withoutStore(words) : withoutStore,
        rule,
        name,
      );
    }
  }
});

Deno.test({
  name: "without a store, a verb makes one, refuses, or has nothing to list, as its row says",
  // doctor tries the libraries of this machine, and an open library stays open.
  sanitizeResources: false,
  async fn() {
    await using temp = await tempDir("varve-without-store-");
    const image = buildImage({ name: "docker.io/library/a:1", layers: [[{ name: "file" }]] });
    const stdin = archiveTar(dockerFiles([image]));
    const [home, directory, output] = [temp.join("home"), temp.join("dir"), temp.join("out")];
    const [named, empty] = [temp.join("home/absent/below"), temp.join("home/empty")];
    const fallback = `${home}/.local/share/varve`;
    await Deno.mkdir(directory);
    for (const [name, rows] of Object.entries(RULES)) {
      for (const [rule, ...args] of rows) {
        for (const root of [fallback, named, empty]) {
          await Deno.mkdir(home);
          await Deno.mkdir(empty);
          const stop = new AbortController();
          // A registry serves until it is aborted.
          if (name === "registry serve") stop.abort();
          const words = args.map((arg) => ({ DIRECTORY: directory, OUTPUT: output })[arg] ?? arg);
          const isNamed = root !== fallback;
          const env = { HOME: home, VARVE_DURABILITY: "none", VARVE_WORKERS: "1" };
          const { code, stdout, stderr } = await runCommand([...name.split(" "), ...words], {
            stdin,
            env: isNamed ? { ...env, VARVE_ROOT: root } : env,
            signal: stop.signal,
          });
          const told = `${name} ${words.join(" ")} at ${root}: ${code} ${stderr}`;
          const isRefused = rule === "refuses" || rule === "lists nothing" && isNamed;
          const none = `Cannot open store ${root}: there is none`;
          assertEquals(stderr.includes(none), isRefused, told);
          if (isRefused) assertEquals(code, name === "run" ? 125 : 4, told);
          if (rule === "lists nothing" && !isNamed || ENDS_WELL.test(name) && rule === "makes") {
            assertEquals(code, 0, told);
          }
          const isThere = await exists(`${root}/meta.db`);
          assertEquals(isThere, rule === "makes", told);
          if (rule === "reports") assertStringIncludes(stdout, "not yet");
          if (!isThere) assertEquals(await namesBelow(home, name), ["empty"], told);
          assert(!await exists(output), told);
          await Deno.remove(home, { recursive: true });
        }
      }
    }
  },
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

/** Names in the home directory, without the credentials that login keeps there. */
async function namesBelow(home: string, verb: string): Promise<string[]> {
  const names = (await Array.fromAsync(Deno.readDir(home))).map(({ name }) => name);
  for await (const _ of Deno.readDir(`${home}/empty`)) names.push("empty/…");
  return names.filter((name) => !(verb.startsWith("log") && name === ".docker")).sort();
}
