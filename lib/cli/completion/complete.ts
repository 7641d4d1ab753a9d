import type { Command, Option } from "commander";
import { Place, takesValue } from "../cursor.ts";
import { argumentValues, optionValues, type Source, type Values } from "./sources.ts";

/** Something that can stand where the cursor is. */
export interface Candidate {
  readonly value: string;
  /** One line; may be empty. */
  readonly description: string;
}

/** What can stand where the cursor is. */
export interface Completion {
  /** Words that the command line itself knows. */
  readonly candidates: readonly Candidate[];
  /** What else can stand there. */
  readonly sources: readonly Source[];
  /** What every candidate begins with and no source does: `--format=`. */
  readonly prefix: string;
}

/**
 * What can be the last one of some words, by the commands and options of a program.
 *
 * @param words what stands on the command line behind the program's name; the last one is not complete
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const place = new Place(program);
  for (const word of words.slice(0, -1)) place.pass(word);
  return completeAt(place, words.at(-1) ?? "");
}

function completeAt(place: Place, word: string): Completion {
  if (place.open !== undefined) return ofOption(place.open, "");
  if (!place.over && word.startsWith("-")) return completeOption(place, word);
  const commands = visibleCommands(place.command);
  if (commands.length > 0 && !place.over) {
    const candidates = commands.map((one) => candidate(one.name(), one.description()));
    return { candidates, sources: [], prefix: "" };
  }
  const known = place.command.registeredArguments;
  const last = known.at(-1);
  const at = known[place.arguments] ?? (last?.variadic === true ? last : undefined);
  if (at === undefined) return NOTHING;
  return told(argumentValues(place.path(), at.name()), "");
}

function completeOption(place: Place, word: string): Completion {
  const equals = word.indexOf("=");
  if (equals > 0) {
    const option = place.find(word.slice(0, equals));
    return takesValue(option) ? ofOption(option, word.slice(0, equals + 1)) : NOTHING;
  }
  const candidates = place.options().flatMap(({ long, short, description }) =>
    // A single letter where the user has begun one, else the name that says what it is.
    (word === "-" || word.startsWith("--") ? [long] : [short])
      .flatMap((name) => name === undefined ? [] : [candidate(name, description)])
  );
  return { candidates, sources: [], prefix: "" };
}

function ofOption(option: Option, prefix: string): Completion {
  return told(optionValues(option), prefix);
}

const NOTHING: Completion = { candidates: [], sources: [], prefix: "" };

function told({ words = [], sources = [] }: Values, prefix: string): Completion {
  return { candidates: words.map((word) => candidate(prefix + word, "")), sources, prefix };
}

function visibleCommands(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [] : command.createHelp().visibleCommands(command);
}

function candidate(value: string, description: string): Candidate {
  return { value, description };
}
