import type { Command } from "commander";
import type { Context } from "./context.ts";
import type { WithoutStore } from "./without_store.ts";

/** The result of a verb: one JSON document for programs, and text for people. `--format` selects which is printed. */
export interface Report {
  /**
   * For `--format json`. A generator in it becomes an array, element by element. `undefined` prints nothing in either
   * format.
   */
  readonly json: unknown;
  /** For `--format text`: the complete text, or its parts in order; `""` prints nothing. */
  readonly text: string | Iterable<string>;
  /** Whether the text is a document, such as JSON, whose lines are never broken. */
  readonly isDocument?: boolean | undefined;
  /** Exit code, 0 when absent. */
  readonly exit?: number | undefined;
}

/** The result of a verb that wrote its bytes to standard output itself. Nothing is printed afterwards. */
export const STREAMED: unique symbol = Symbol("streamed");

/** One verb of the command line. */
export interface Verb {
  /** Name and arguments in commander's notation: `load <source>`. */
  readonly usage: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** Text of `--help` after the options: the rules, the JSON document, examples. */
  readonly help: string;
  /** What the verb does where there is no store. A function decides it by the arguments. */
  readonly withoutStore: WithoutStore | ((args: readonly string[]) => WithoutStore);
  /** Adds the verb's own options. */
  configure?(command: Command): void;
  /**
   * Index of the first argument that is passed on unread, such as the words of a container's command. From that
   * argument on, words are not read as options of varve, and may be empty.
   */
  readonly passesOn?: number | undefined;
  /** Names, as {@linkcode Options} has them, of the options whose empty value means something. */
  readonly mayBeEmpty?: readonly string[] | undefined;
  /** Whether `-name` means `--name`, because users know the options in that form from the program of this name. */
  readonly longWithOneDash?: boolean | undefined;
  /**
   * Whether the verb changes nothing that has to be cleaned up; this may depend on its options. SIGINT, SIGTERM and SIGHUP then end the process at
   * once, also in the middle of long work on a tree.
   */
  readonly onlyReads?: boolean | ((options: Options) => boolean) | undefined;
  /** Exit code for an error of this verb, if other verbs have another exit code for the same error. */
  exitOf?(error: unknown): number;
  /** Parses the arguments, calls the library and returns what to print. */
  run(
    context: Context,
    args: readonly string[],
    options: Options,
  ): Promise<Report | typeof STREAMED>;
}

/** Values of a verb's own options, by the names that commander makes of their flags: `ociDir` for `--oci-dir`. */
export type Options = Readonly<Record<string, unknown>>;

/** The value of an option; `undefined` when the option was not given. */
export function stringOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** The path that `-o` gives; `undefined` for standard output, which is meant without the option and by `-`. */
export function outputOption(options: Options): string | undefined {
  const path = stringOption(options, "output");
  return path === "-" ? undefined : path;
}

/** The values of an option that may be given several times, in their order. */
export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.map(String) : [];
}

/** Collects the values of an option that can be given several times. {@linkcode listOption} reads them. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** {@linkcode Verb.help} by command, for texts other than `--help`. */
export const HELP_TEXTS: WeakMap<Command, string> = new WeakMap();
