import type { Command, Option } from "commander";
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
  return place.complete(words.at(-1) ?? "");
}

/** Where on a command line the cursor is. */
class Place {
  readonly #program: Command;
  #command: Command;
  #arguments = 0;
  /** The option whose value comes next. */
  #open: Option | undefined;
  /** Options are over: `--` was passed. */
  #over = false;

  constructor(program: Command) {
    this.#program = program;
    this.#command = program;
  }

  /** Goes past a word that is complete. */
  pass(word: string): void {
    if (this.#open !== undefined) {
      this.#open = undefined;
    } else if (word === "--" && !this.#over) {
      this.#over = true;
    } else if (!this.#over && word.startsWith("-") && word !== "-") {
      const option = word.includes("=") ? undefined : this.#find(word);
      if (takesValue(option)) this.#open = option;
    } else {
      const below = this.#arguments === 0 ? this.#below(word) : undefined;
      if (below === undefined) this.#arguments++;
      else this.#command = below;
    }
  }

  complete(word: string): Completion {
    if (this.#open !== undefined) return this.#value(this.#open, "");
    if (!this.#over && word.startsWith("-")) return this.#option(word);
    const commands = visibleCommands(this.#command);
    if (commands.length > 0 && !this.#over) {
      const candidates = commands.map((one) => candidate(one.name(), one.description()));
      return { candidates, sources: [], prefix: "" };
    }
    const known = this.#command.registeredArguments;
    const last = known.at(-1);
    const at = known[this.#arguments] ?? (last?.variadic === true ? last : undefined);
    if (at === undefined) return NOTHING;
    return told(argumentValues(this.#path(), at.name()), "");
  }

  #option(word: string): Completion {
    const equals = word.indexOf("=");
    if (equals > 0) {
      const option = this.#find(word.slice(0, equals));
      return takesValue(option) ? this.#value(option, word.slice(0, equals + 1)) : NOTHING;
    }
    const candidates = this.#options().flatMap(({ long, short, description }) =>
      // A single letter where the user has begun one, else the name that says what it is.
      (word === "-" || word.startsWith("--") ? [long] : [short])
        .flatMap((name) => name === undefined ? [] : [candidate(name, description)])
    );
    return { candidates, sources: [], prefix: "" };
  }

  #value(option: Option, prefix: string): Completion {
    return told(optionValues(option), prefix);
  }

  #options(): readonly Option[] {
    const help = this.#command.createHelp();
    const own = help.visibleOptions(this.#command);
    return this.#command === this.#program
      ? own
      : [...own, ...this.#program.options.filter((option) => !option.hidden)];
  }

  #find(flag: string): Option | undefined {
    return this.#options().find(({ long, short }) => flag === long || flag === short);
  }

  #below(name: string): Command | undefined {
    return this.#command.commands.find((command) => command.name() === name);
  }

  /** The verb, with the group that it is in. */
  #path(): string {
    const { parent } = this.#command;
    const name = this.#command.name();
    return parent === null || parent === this.#program ? name : `${parent.name()} ${name}`;
  }
}

const NOTHING: Completion = { candidates: [], sources: [], prefix: "" };

function told({ words = [], sources = [] }: Values, prefix: string): Completion {
  return { candidates: words.map((word) => candidate(prefix + word, "")), sources, prefix };
}

function takesValue(option: Option | undefined): option is Option {
  return option !== undefined && (option.required || option.optional);
}

function visibleCommands(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [] : command.createHelp().visibleCommands(command);
}

function candidate(value: string, description: string): Candidate {
  return { value, description };
}
