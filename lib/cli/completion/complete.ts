import type { Command, Option } from "commander";
import { Cursor, doubleDashes, takesValue } from "../cursor.ts";
import { SETTINGS } from "../settings.ts";
import type { Candidate } from "./candidate.ts";
import { argumentValues, optionValues, type Source, type Values } from "./sources.ts";

/** Everything that can complete the word at the cursor. */
export interface Completion {
  /** Words from the definition of the command line: verbs, options, fixed values. */
  readonly candidates: readonly Candidate[];
  /** Where further words come from. */
  readonly sources: readonly Source[];
  /** Text such as `--root=` that must precede each word from a source. The candidates contain it already. */
  readonly prefix: string;
}

/**
 * Finds what can complete the last word of a command line, from the commands and options of a program.
 *
 * @param words the words after the program's name; the last one is incomplete
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const cursor = new Cursor(program);
  for (const word of doubleDashes(program, words.slice(0, -1))) cursor.advance(word);
  const found = completeAt(cursor, words.at(-1) ?? "");
  if (found.sources.includes("setting")) return settingValues(found, words.at(-2) ?? "");
  if (!found.sources.includes("verbs")) return found;
  const verbs = visibleCommands(program).map((one) => candidate(one.name(), one.description()));
  return { ...found, candidates: [...found.candidates, ...verbs] };
}

/** The values of a setting, if only some are allowed. */
function settingValues(found: Completion, key: string): Completion {
  const choices = SETTINGS.find((setting) => setting.key === key)?.choices ?? [];
  return { ...found, candidates: choices.map((value) => candidate(value, "")) };
}

function completeAt(cursor: Cursor, word: string): Completion {
  if (cursor.openOption !== undefined) return ofOption(cursor.openOption, "");
  if (!cursor.optionsEnded && word.startsWith("-")) return completeOption(cursor, word);
  const commands = visibleCommands(cursor.command);
  if (commands.length > 0 && !cursor.optionsEnded) {
    const candidates = commands.map((one) => candidate(one.name(), one.description()));
    return { candidates, sources: [], prefix: "" };
  }
  const known = cursor.command.registeredArguments;
  const last = known.at(-1);
  const at = known[cursor.argumentCount] ?? (last?.variadic === true ? last : undefined);
  if (at === undefined) return NOTHING;
  return completionOf(argumentValues(cursor.verbPath(), at.name()), "");
}

function completeOption(cursor: Cursor, word: string): Completion {
  const equals = word.indexOf("=");
  if (equals > 0) {
    const option = cursor.findOption(word.slice(0, equals));
    return takesValue(option) ? ofOption(option, word.slice(0, equals + 1)) : NOTHING;
  }
  const candidates = cursor.availableOptions().flatMap(({ long, short, description }) =>
    // Offer the short form only when the user has begun to type one.
    (word === "-" || word.startsWith("--") ? [long] : [short])
      .flatMap((name) => name === undefined ? [] : [candidate(name, description)])
  );
  return { candidates, sources: [], prefix: "" };
}

function ofOption(option: Option, prefix: string): Completion {
  return completionOf(optionValues(option), prefix);
}

const NOTHING: Completion = { candidates: [], sources: [], prefix: "" };

function completionOf({ words = [], sources = [] }: Values, prefix: string): Completion {
  return { candidates: words.map((word) => candidate(prefix + word, "")), sources, prefix };
}

function visibleCommands(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [] : command.createHelp().visibleCommands(command);
}

function candidate(value: string, description: string): Candidate {
  return { value, description };
}
