/** The library does not know how its caller calls it: its texts name no verb and no option of the command line. */
import { assertEquals } from "@std/assert";
import { GROUPS, VERBS } from "../../lib/cli/catalog.ts";
import { createProgram } from "../../lib/cli/program.ts";
import { listSources, PROJECT } from "./sources.ts";

/** Files that write or read command lines of other programs, whose options may have the same names. */
const SCRIPTS =
  /^lib\/container\/(?:first_process|runtime\/(?:chroot|commands|watchdog_script))\.ts$/;

/** A line of a comment, or the history that an image gets, as Docker writes its own name there. */
const OTHER = /^\s*(?:\*|\/\/|\/\*\*)|createdBy/;

Deno.test("no text of the library names a verb or an option of the command", async () => {
  const program = await createProgram(() => Promise.resolve());
  const options = new Set(
    [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]
      .flatMap((command) => command.options.flatMap(({ long }) => long ?? [])),
  );
  const verbs = [...Object.keys(VERBS), ...Object.keys(GROUPS)];
  assertEquals([options.has("--platform"), verbs.includes("load")], [true, true]);
  const names = new RegExp(
    `\\bvarve (?:${verbs.join("|")})\\b|(?:${[...options].join("|")})(?![\\w-])`,
  );
  const found: string[] = [];
  for (const path of await listSources(PROJECT)) {
    if (path.startsWith("lib/cli/") || SCRIPTS.test(path)) continue;
    const lines = (await Deno.readTextFile(`${PROJECT}/${path}`)).split("\n");
    for (const [i, line] of lines.entries()) {
      if (!OTHER.test(line) && names.test(line)) found.push(`${path}:${i + 1}: ${line.trim()}`);
    }
  }
  assertEquals(found, []);
});
