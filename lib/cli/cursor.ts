import type { Command, Option } from "commander";

/** A place on a command line: what the words before it make of the next one. */
export class Place {
  readonly #program: Command;
  #command: Command;
  #arguments = 0;
  #open: Option | undefined;
  #over = false;

  /** The beginning of a command line. */
  constructor(program: Command) {
    this.#program = program;
    this.#command = program;
  }

  /** The verb or group that was named, or the program. */
  get command(): Command {
    return this.#command;
  }

  /** How many arguments the command has already. */
  get arguments(): number {
    return this.#arguments;
  }

  /** The option whose value comes next. */
  get open(): Option | undefined {
    return this.#open;
  }

  /** Options are over: `--` was passed. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether a word that stands here is an option. */
  isOption(word: string): boolean {
    return this.#open === undefined && !this.#over && word.startsWith("-") && word !== "-";
  }

  /** Goes past a word that is complete. */
  pass(word: string): void {
    if (this.#open !== undefined) {
      this.#open = undefined;
    } else if (word === "--" && !this.#over) {
      this.#over = true;
    } else if (this.isOption(word)) {
      const option = word.includes("=") ? undefined : this.find(word);
      if (takesValue(option)) this.#open = option;
    } else {
      const below = this.#arguments === 0 ? this.#below(word) : undefined;
      if (below === undefined) this.#arguments++;
      else this.#command = below;
    }
  }

  /** Options that can stand here. */
  options(): readonly Option[] {
    const help = this.#command.createHelp();
    const own = help.visibleOptions(this.#command);
    return this.#command === this.#program
      ? own
      : [...own, ...this.#program.options.filter((option) => !option.hidden)];
  }

  /** The option that has this flag. */
  find(flag: string): Option | undefined {
    return this.options().find(({ long, short }) => flag === long || flag === short);
  }

  /** The verb, with the group that it is in. */
  path(): string {
    const { parent } = this.#command;
    const name = this.#command.name();
    return parent === null || parent === this.#program ? name : `${parent.name()} ${name}`;
  }

  #below(name: string): Command | undefined {
    return this.#command.commands.find((command) => command.name() === name);
  }
}

/** Whether an option is followed by a value. */
export function takesValue(option: Option | undefined): option is Option {
  return option !== undefined && (option.required || option.optional);
}
