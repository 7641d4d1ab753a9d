import type { Command } from "commander";
import { VarveError } from "../../../errors.ts";
import { helpTextOf } from "../../help/command_text.ts";
import { helpOf } from "../../display/help.ts";
import { type Topic, TOPICS } from "../../help/topics.ts";
import { HELP_TEXTS, type Report, type Verb } from "../../verb.ts";
import { VERSION } from "./version.ts";

/** `varve help`. */
export const help: Verb = {
  usage: "help [topic...]",
  withoutStore: "unused",
  summary: "explain a verb, or a topic that concerns several verbs",
  onlyReads: true,
  help: `Topics are ${
    Object.entries(TOPICS).map(([name, { summary }]) => `${name} (${summary})`).join(", ")
  }.

--man prints the manual page of a verb, or without one that of varve, which has the topics, too.

JSON: {"topic","text"}

Examples:
  varve help names
  varve help snapshot rm
  varve help --man ls | man -l -`,
  configure(command) {
    command.option("--man", "print a manual page for man(1)");
  },
  async run(context, words, options) {
    const path = words.join(" ");
    if (Object.hasOwn(TOPICS, path) && options["man"] !== true) {
      return topicReport(path, TOPICS[path] as Topic, context.columns);
    }
    const command = find(await context.commandLine(words), words);
    if (command === undefined) {
      if (Object.hasOwn(TOPICS, path)) {
        throw new VarveError("E_USAGE", `Cannot make a manual page of ${path}: it is a topic`, {
          hint: "'varve help --man' prints a page with all topics",
        });
      }
      throw new VarveError("E_USAGE", `Cannot explain ${path}: there is no such verb or topic`, {
        hint: `topics are ${Object.keys(TOPICS).join(", ")}; 'varve --help' lists the verbs`,
      });
    }
    if (options["man"] !== true) return report(path, helpTextOf(command));
    const { manPage } = await import("../../help/man_page.ts");
    const above = words.length === 0 ? [] : ["varve", ...words.slice(0, -1)];
    return report(path, manPage(command, above, HELP_TEXTS.get(command) ?? "", VERSION).text);
  },
};

/** The command that words name; the program without words. */
function find(program: Command, words: readonly string[]): Command | undefined {
  let at: Command | undefined = program;
  for (const word of words) at = at?.commands.find((one) => one.name() === word);
  return at;
}

/** Columns of a topic where it does not go to a terminal, and most of them on one. */
const WIDTH = 100;

function topicReport(name: string, { text }: Topic, columns: number | undefined): Report {
  return report(name, `${helpOf(text, Math.min(columns ?? WIDTH, WIDTH))}\n`);
}

function report(topic: string, text: string): Report {
  return { json: { topic, text }, text, isDocument: true };
}
