import { assert, assertEquals } from "@std/assert";
import { gridOf, helpOf } from "../../../../lib/cli/display/help.ts";
import { createProgram } from "../../../../lib/cli/program.ts";

/** The help of every verb at one width: its lines. */
async function allHelp(width: number): Promise<Map<string, string>> {
  const program = await createProgram(() => Promise.resolve(), undefined, width);
  const out = new Map<string, string>();
  const visit = (command: typeof program, name: string) => {
    let text = "";
    command.configureOutput({ writeOut: (part) => text += part });
    command.outputHelp();
    out.set(name, text);
    for (const child of command.commands) visit(child, `${name} ${child.name()}`);
  };
  visit(program, "varve");
  return out;
}

/** The words of a help, without the `\` that continues an example. */
function wordsOf(text: string): string[] {
  return text.replaceAll(/ \\$/gm, "").split(/\s+/).filter(Boolean);
}

Deno.test("help: of every verb, lines fit 40, 80 and 200 columns, and no word that fits is broken", async () => {
  const natural = await allHelp(10_000);
  assert(natural.size > 40, `${natural.size}`);
  for (const width of [40, 80, 100]) {
    for (const [name, text] of await allHelp(width)) {
      for (const line of text.split("\n")) {
        assert(line.length <= width, `${name} at ${width}: ${line}`);
      }
      const words = wordsOf(text);
      const expected = wordsOf(natural.get(name) ?? "").flatMap((word) =>
        word.length <= width ? [word] : word.split(/(?<=,)(?=["{[])/)
      );
      assertEquals(
        words.join("\n").replaceAll(/,\n(?=["{[])/g, ","),
        expected.join("\n").replaceAll(/,\n(?=["{[])/g, ","),
        name,
      );
    }
  }
});

Deno.test("help: paragraphs are wrapped anew, examples stay lines that can be copied", () => {
  const text = `One two
three four five.

JSON: [{"a",
"b"}]

Example:
  varve run app:1 sh -c 'a b c d' end`;
  assertEquals(
    helpOf(text, 20),
    `One two three four
five.

JSON: [{"a","b"}]

Example:
  varve run app:1 \\
    sh -c \\
    'a b c d' end`,
  );
  assertEquals(helpOf(text, 80).split("\n")[0], "One two three four five.");
  assertEquals(gridOf(["1 a", "10 bcd", "2 c"], 18), "  1 a     10 bcd\n  2 c\n");
});
