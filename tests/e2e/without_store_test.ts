/** What each verb does where there is no store: only some verbs make one. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCommand } from "../support/cli/in_process.ts";
import { WITHOUT_STORE } from "../support/cli/without_store_rows.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** Verbs that do their work and end with 0 here. The others need something that is not there, or a registry. */
const ENDS_WELL = /^(?:load|import|config set|snapshot prepare|snapshot view)$/;

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
    for (const [name, rows] of Object.entries(WITHOUT_STORE)) {
      for (const [rule, ...args] of rows) {
        for (const root of [fallback, named, empty]) {
          await Deno.mkdir(home);
          await Deno.mkdir(empty);
          const stop = new AbortController();
          // A server serves until it is aborted.
          if (name.endsWith("serve")) stop.abort();
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
