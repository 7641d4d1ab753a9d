import type { Command, Option } from "commander";

/**
 * Reads a command line word by word, as commander would.
 *
 * {@linkcode Cursor.advance} takes one word. The properties then say what the next word can be: the value of an
 * option, an option, the name of a verb or an argument. Unlike commander, it accepts an incomplete line.
 */
export class Cursor {
  readonly #program: Command;
  #command: Command;
  #argumentCount = 0;
  #openOption: Option | undefined;
  #optionsEnded = false;

  /** Starts before the first word. */
  constructor(program: Command) {
    this.#program = program;
    this.#command = program;
  }

  /** The verb or group that the words have named so far, else the program. */
  get command(): Command {
    return this.#command;
  }

  /** How many arguments the words have given to {@linkcode command}. */
  get argumentCount(): number {
    return this.#argumentCount;
  }

  /** The option whose value is the next word. */
  get openOption(): Option | undefined {
    return this.#openOption;
  }

  /** Whether `--` was read: no word after it is an option. */
  get optionsEnded(): boolean {
    return this.#optionsEnded;
  }

  /** Whether a word would be an option here. */
  isOption(word: string): boolean {
    return this.#openOption === undefined && !this.#optionsEnded && word.startsWith("-") &&
      word !== "-";
  }

  /** Takes the next word, which must be complete. */
  advance(word: string): void {
    if (this.#openOption !== undefined) {
      this.#openOption = undefined;
    } else if (word === "--" && !this.#optionsEnded) {
      this.#optionsEnded = true;
    } else if (this.isOption(word)) {
      const option = word.includes("=") ? undefined : this.findOption(word);
      if (takesValue(option)) this.#openOption = option;
    } else {
      const subcommand = this.#argumentCount === 0 ? this.#subcommand(word) : undefined;
      if (subcommand === undefined) this.#argumentCount++;
      else this.#command = subcommand;
    }
  }

  /** Options that the command takes here: its own options and the global options. */
  availableOptions(): readonly Option[] {
    const help = this.#command.createHelp();
    const own = help.visibleOptions(this.#command);
    return this.#command === this.#program
      ? own
      : [...own, ...this.#program.options.filter((option) => !option.hidden)];
  }

  /** The option with a flag such as `--root` or `-o`. */
  findOption(flag: string): Option | undefined {
    return this.availableOptions().find(({ long, short }) => flag === long || flag === short);
  }

  /** Name of the verb. If the verb is in a group, the name of the group comes first: `snapshot ls`. */
  verbPath(): string {
    const { parent } = this.#command;
    const name = this.#command.name();
    return parent === null || parent === this.#program ? name : `${parent.name()} ${name}`;
  }

  #subcommand(name: string): Command | undefined {
    return this.#command.commands.find((command) => command.name() === name);
  }
}

/** Whether an option takes a value, required or optional. */
export function takesValue(option: Option | undefined): option is Option {
  return option !== undefined && (option.required || option.optional);
}

/** Commands that also take long options with one dash. */
const ONE_DASH = new WeakSet<Command>();

/** Lets a command take its long options with one dash, too: `-name` for `--name`. */
export function acceptOneDash(command: Command): void {
  ONE_DASH.add(command);
}

/** Gives long options that have one dash their second one, where {@linkcode acceptOneDash} allows that. */
export function doubleDashes(program: Command, args: readonly string[]): string[] {
  const cursor = new Cursor(program);
  return args.map((word) => {
    const isMeant = ONE_DASH.has(cursor.command) && cursor.isOption(word) &&
      cursor.findOption(`-${word}`)?.long === `-${word}`;
    const full = isMeant ? `-${word}` : word;
    cursor.advance(full);
    return full;
  });
}
