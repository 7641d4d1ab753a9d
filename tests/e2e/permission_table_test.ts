/** Each verb with the permissions that the README's table names: they are enough, and none can be left out. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GROUPS, VERBS } from "../../lib/cli/catalog.ts";
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { MAIN } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { missing, needs } from "../support/machine/needs.ts";
import { run, type RunResult } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { call, fill, prepare, type Words } from "../support/permissions/machine.ts";
import { PERMISSION_ROWS, type PermissionRow, STORE_FLAGS } from "../support/permissions/rows.ts";
import { openStore } from "../../lib/store/mod.ts";

const CODE = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

function program(flags: readonly string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "--no-check", "--no-prompt", ...flags, MAIN];
}

/** The flags of a row, as Deno takes them. */
function flagsOf({ flags, isWithoutStore = false }: PermissionRow): readonly string[] {
  return isWithoutStore ? flags : [...STORE_FLAGS, ...flags];
}

async function permitted(
  flags: readonly string[],
  command: readonly string[],
  words: Words,
): Promise<RunResult> {
  // Quotes are for a shell; and what runs without workers needs no permission to read them.
  const given = flags.map((flag) =>
    flag.includes("_*") ? flag.replaceAll("'", "") : fill(flag, words)
  );
  return await call(program(given), command, words);
}

Deno.test("the table of permissions has every verb", async () => {
  const groups = await Promise.all(
    Object.entries(GROUPS).map(async ([name, { verbs }]) => ({
      name,
      count: (await verbs()).length,
    })),
  );
  const shown = PERMISSION_ROWS.flatMap(({ verbs }) => verbs);
  const isShown = (name: string) =>
    shown.some((verb) => verb === name || verb.startsWith(`${name} `));
  const names = [...Object.keys(VERBS), ...groups.map(({ name }) => name)];
  assertEquals(names.filter((name) => !isShown(name)), []);
});

Deno.test({
  name: "each verb works with the permissions of the table, and with none of them left out",
  ...needs({}),
  async fn(t) {
    await using temp = await tempDir();
    await using served = await openStore({ root: temp.join("served"), durability: "none" });
    await using server = await serveRegistry(served);
    const words = await prepare(temp, new URL(server.url).host, program(["-A"]));
    const isPrivileged = missing({ root: true, mount: true, tools: ["busybox"] }).length === 0;
    for (const row of PERMISSION_ROWS) {
      if (row.isPrivileged && !isPrivileged) continue;
      await t.step(row.verbs.join(", "), async () => {
        const flags = flagsOf(row);
        const [first = []] = row.commands;
        // Those of the store are left out in a test of their own.
        for (const flag of row.flags) {
          const others = flags.filter((other) => other !== flag);
          const { code, stderr } = await permitted(others, first, words);
          const kind = /^--allow-[a-z]+/.exec(flag)?.[0] ?? "";
          assertEquals(code, first[0] === "run" ? 125 : 11, `without ${flag}: ${stderr}`);
          assertMatch(stderr, /^varve: Cannot .*\(run Deno with .*\)\n$/);
          assertStringIncludes(stderr, kind);
        }
        for (const command of row.commands) {
          const { code, stderr } = await permitted(flags, command, words);
          assertEquals(code, 0, `${command.join(" ")}: ${stderr}`);
          assertEquals(stderr.includes("NotCapable"), false, stderr);
        }
      });
    }
  },
});

Deno.test({
  name: "workers need permission to read the code, and without it a warning says so",
  ...needs({}),
  async fn() {
    await using temp = await tempDir();
    const image = buildImage({ name: "docker.io/library/app:1", layers: [[{ name: "f" }]] });
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
    const base = ["--allow-env", "--allow-sys=uid", `--allow-read=${temp.path}`];
    const flags = [...base, `--allow-write=${temp.path}`];
    const load = async (root: string, more: readonly string[]) => {
      const line = [...program([...flags, ...more]), "--root", temp.join(root), "--progress=none"];
      return (await run([...line, "load", temp.join("app.tar")], { env: { NO_COLOR: "1" } }))
        .stderr;
    };
    assertEquals(await load("a", [`--allow-read=${CODE}`]), "");
    assertMatch(
      await load("b", []),
      /^varve: warning: jobs run one at a time on the main thread, .*\(run Deno with --allow-read=/,
    );
  },
});
