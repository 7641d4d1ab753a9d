/** The programs in `examples/`: each is short, and does what it says with the permissions in its second line. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { openStore } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const MOST_LINES = 15;

/** What an example is given in place of the words of its second line, and what it must print. */
interface Example {
  readonly words: (temp: TempDir, host: string) => Readonly<Record<string, string>>;
  readonly prints: RegExp;
  readonly mounts?: boolean;
}

const SHA = "sha256:[0-9a-f]{64}";
/** SHA-256 of `twoo2\n`, the file that is hashed. */
const HASH = "f3b58bca97279b7d645be3018cbf1c24647f595f29a7c676c10d0dc7c8cb7e5c";

const CASES: Readonly<Record<string, Example>> = {
  "changes.ts": {
    words: () => ({ BEFORE: "app:1", AFTER: "app:2" }),
    prints: /^modify \/etc\/v 2\ndelete \/gone 0\ndelete \/gone\/f -5\n$/,
  },
  "hash_file.ts": {
    words: () => ({ IMAGE: "app:2", PATH: "/etc/v" }),
    prints: new RegExp(`^sha256:${HASH} /etc/v\n$`),
  },
  "memory_store.ts": {
    words: () => ({}),
    prints: /^docker\.io\/library\/greeting:1 1\nhello\n\n$/,
  },
  "pull_cancelled.ts": {
    words: (_, host) => ({ IMAGE: `${host}/app:1`, BYTES: "0" }),
    prints: new RegExp(`^(${SHA} [0-9]+ of [0-9]+\n)+Cancelled: more than 0 bytes\n$`),
  },
  "round_trip.ts": {
    words: (temp) => ({ DIR: temp.join("2") }),
    prints: /^localhost:[0-9]+\/mine:1 is the same\n$/,
  },
  "snapshot_session.ts": {
    words: (temp) => ({ IMAGE: "app:1", DIR: temp.join("mnt") }),
    prints: new RegExp(`^${SHA}\n$`),
    mounts: true,
  },
};

/** Two images, `app:1` and `app:2`, of the directories `1` and `2`. */
async function twoImages(temp: TempDir): Promise<Cli> {
  const cli = new Cli(temp.join("store"));
  for (const [name, file, content] of [["1", "gone/f", "gone\n"], ["2", "etc/v", "twoo2\n"]]) {
    const root = temp.join(name as string);
    for (const directory of ["etc", "gone"]) {
      if (name === "2" && directory === "gone") continue;
      await Deno.mkdir(`${root}/${directory}`, { recursive: true });
      await Deno.utime(`${root}/${directory}`, 0, 0);
    }
    await Deno.writeTextFile(`${root}/etc/v`, "one\n");
    await Deno.writeTextFile(`${root}/${file}`, content as string);
    for (const path of [root, `${root}/etc`]) await Deno.utime(path, 0, 0);
    await cli.text(["import", root, `app:${name}`]);
  }
  return cli;
}

Deno.test("every example has a case here, at most 15 lines, and imports only what users can", async () => {
  const files = await Array.fromAsync(Deno.readDir(EXAMPLES), ({ name }) => name);
  const names = files.filter((name) => name !== "deno.json").sort();
  assertEquals(names, Object.keys(CASES).sort());
  for (const name of names) {
    const text = await Deno.readTextFile(new URL(name, EXAMPLES));
    assert(text.trimEnd().split("\n").length <= MOST_LINES, name);
    const sources = [...text.matchAll(/from "(.*)";$/gm)].map(([, source]) => source);
    assertEquals(sources.filter((one) => !/^(@varve\/varve|@std\/)/.test(one as string)), [], name);
  }
});

for (const [name, { words, prints, mounts = false }] of Object.entries(CASES)) {
  Deno.test({
    name: `the example ${name} runs with the permissions that it names, and no others`,
    ...needs(mounts ? { root: true, mount: true } : {}),
    async fn() {
      await using temp = await tempDir();
      await Deno.mkdir(temp.join("mnt"));
      const cli = await twoImages(temp);
      await using served = await openStore({ root: temp.join("store"), durability: "none" });
      await using registry = await serveRegistry(served, { readOnly: true });
      const text = await Deno.readTextFile(new URL(name, EXAMPLES));
      const [, given = ""] = /^\/\/ deno run (.*)$/m.exec(text) ?? [];
      const values: Record<string, string> = {
        STORE: name === "pull_cancelled.ts" ? temp.join("other") : temp.join("store"),
        ...words(temp, `localhost:${registry.port}`),
      };
      const args = given.replace(/\b[A-Z]+\b/g, (word) => values[word] ?? word).split(" ");
      const program = [Deno.execPath(), "run", "--quiet", "--no-check", "--no-prompt", ...args];
      const cwd = new URL("..", EXAMPLES).pathname;
      const { code, stdout, stderr } = await runAny(program, { cwd, env: { NO_COLOR: "1" } });
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, prints);
      if (!mounts) return;
      const made = await cli.text(["cat", "made:1:/made-here"]);
      assertEquals(made, "kept\n");
      assertEquals(await Array.fromAsync(Deno.readDir(temp.join("mnt"))), []);
      const mounted = await Deno.readTextFile("/proc/self/mountinfo");
      assertEquals(mounted.split("\n").filter((line) => line.includes(temp.path)), []);
    },
  });
}
