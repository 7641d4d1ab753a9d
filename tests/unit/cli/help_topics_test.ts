import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Command } from "commander";
import { GROUPS, SECTIONS, VERBS } from "../../../lib/cli/catalog.ts";
import { TOPICS } from "../../../lib/cli/help/topics.ts";
import { createProgram, endOptions } from "../../../lib/cli/program.ts";
import { EXIT_CODES } from "../../../lib/errors.ts";
import { commandOn } from "../../support/cli/in_process.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";

const runCommand = commandOn("/nonexistent");

/** The words of all verbs, and their helps. */
async function allVerbs(): Promise<Map<string, string>> {
  const helps = new Map<string, string>();
  for (const [name, read] of Object.entries(VERBS)) helps.set(name, (await read()).help);
  for (const [group, { verbs }] of Object.entries(GROUPS)) {
    for (const { usage, help } of await verbs()) helps.set(`${group} ${usage.split(" ")[0]}`, help);
  }
  return helps;
}

Deno.test("each verb and group is below one heading of --help", async () => {
  const names = Object.values(SECTIONS).flat();
  assertEquals(names.toSorted(), [...Object.keys(VERBS), ...Object.keys(GROUPS)].sort());
  const { stdout } = await runCommand(["--help"]);
  const headings = [...stdout.matchAll(/^(\w.*):$/gm)].map(([, heading]) => heading);
  assertEquals(headings.slice(1, headings.indexOf("Exit codes")), Object.keys(SECTIONS));
});

Deno.test("each verb and topic has an example, and examples name verbs that exist", async () => {
  const helps = await allVerbs();
  const texts = [
    ...helps,
    ...Object.entries(TOPICS).map(([name, { text }]) => [name, text] as const),
  ];
  for (const [name, text] of texts) {
    const [, examples] = text.split(/\n\nExamples?:\n/);
    assertMatch(examples ?? "", /^ {2}\S/, `${name} has no example`);
    for (
      const [, rest = ""] of (examples ?? "").matchAll(/(?:^ {2}|\$\(|\| )varve ([^|;&)\n]*)/gm)
    ) {
      const [first = "", second = ""] = rest.split(" ").filter((word) =>
        !/^(--root$|\/)/.test(word)
      );
      const isVerb = Object.hasOwn(VERBS, first) || helps.has(`${first} ${second}`);
      assertEquals(isVerb, true, `${name}: varve ${rest}`);
    }
  }
});

Deno.test("help explains verbs, verbs of groups and topics", async () => {
  const help = async (...words: string[]) => await runCommand(["help", ...words]);
  assertEquals((await help()).stdout, (await runCommand(["--help"])).stdout);
  assertEquals((await help("ls")).stdout, (await runCommand(["ls", "--help"])).stdout);
  const inGroup = await help("snapshot", "rm");
  assertEquals(inGroup.stdout, (await runCommand(["snapshot", "rm", "--help"])).stdout);
  assertStringIncludes((await help("snapshot")).stdout, "prepare");
  for (const name of Object.keys(TOPICS)) {
    const { code, stdout } = await help(name);
    assertEquals(code, 0);
    assertMatch(stdout, /\n\nExamples:\n {2}varve /);
    const json = JSON.parse((await help(name, "--format", "json")).stdout);
    assertEquals([json.topic, json.text], [name, stdout]);
    assertStringIncludes((await help("help")).stdout, name);
  }
  const wrong = await help("nonsense");
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "topics are names, ");
  const page = await help("--man", "names");
  assertEquals(page.code, 2);
  assertStringIncludes(page.stderr, "it is a topic ('varve help --man' prints");
});

Deno.test("the topic of exit codes has all of them", () => {
  for (const code of new Set(Object.values(EXIT_CODES))) {
    assertMatch(TOPICS["exit-codes"]?.text ?? "", new RegExp(`^  ${code} +\\S`, "m"));
  }
});

Deno.test({
  name: "manual pages of all verbs are right for groff, and say what --help says",
  ...needs({ tools: ["groff"] }),
  async fn() {
    for (const name of ["", ...(await allVerbs()).keys()]) {
      const words = name === "" ? [] : name.split(" ");
      const { code, stdout } = await runCommand(["help", "--man", ...words]);
      assertEquals(code, 0, name);
      // What groff -ww warns of, but for lines that are too long to be broken.
      const groff = ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=300n"];
      const shown = await run(groff, { stdin: stdout });
      assertEquals(
        shown.stderr.split("\n").filter((line) => /error|undefined/.test(line)),
        [],
        name,
      );
      const flat = shown.stdout.replaceAll(/\s+/g, " ");
      const help = (await runCommand([...words, "--help"])).stdout;
      for (const [option] of help.matchAll(/--[a-z-]+/g)) assertStringIncludes(flat, option, name);
      if (name === "") {
        for (const verb of Object.values(SECTIONS).flat()) assertStringIncludes(flat, verb);
      }
    }
  },
});

Deno.test("each example can be read as it is written", async () => {
  const texts = [
    ...await allVerbs(),
    ...Object.entries(TOPICS).map(([name, { text }]) => [name, text] as const),
  ];
  let count = 0;
  for (const [name, text] of texts) {
    const [, examples = ""] = text.split(/\n\nExamples?:\n/);
    // What another command prints stands for a word.
    const lines = examples.replaceAll(/\$\([^()]*\)/g, "word");
    for (
      const [, rest = ""] of lines.matchAll(/(?:^ {2}|[|&(] )(?:\w+=\S+ )?varve ([^|;&<>)\n]*)/gm)
    ) {
      const words = [...rest.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
        .map(([, single, double, plain]) => single ?? double ?? plain ?? "");
      let isRead = false;
      const program = await createProgram(() => Promise.resolve(void (isRead = true)), words);
      forCommands(program, (command) => command.exitOverride().configureOutput({ writeErr() {} }));
      await program.parseAsync(endOptions(program, words), { from: "user" }).catch((error) => {
        throw new Error(`${name}: varve ${rest}: ${error.message}`);
      });
      assertEquals(isRead, true, `${name}: varve ${rest}`);
      count++;
    }
  }
  assertEquals(count > 100, true, String(count));
});

function forCommands(command: Command, act: (command: Command) => void): void {
  act(command);
  command.commands.forEach((child) => forCommands(child, act));
}
