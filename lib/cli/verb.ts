import type { Command } from "commander";
import type { Context } from "./context.ts";

/** What a verb has to say: one JSON document for programs, text for people. */
export interface Report {
  /** For `--format json`. Generators in it are arrays, written as they come. `undefined`: nothing is printed. */
  readonly json: unknown;
  /** For `--format text`, whole or in parts as they come; `""` prints nothing. */
  readonly text: string | Iterable<string>;
  /** Exit code, 0 when absent. */
  readonly exit?: number | undefined;
}

/** A verb that writes its own bytes to standard output. */
export const STREAMED: unique symbol = Symbol("streamed");

/** One verb of the command line. */
export interface Verb {
  /** Name, and arguments in commander's notation: `load <source>`. */
  readonly usage: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** What `--help` says beyond the options: examples, the JSON document. */
  readonly help: string;
  /** Adds the verb's own options. */
  configure?(command: Command): void;
  /** From this argument on, what is passed on as it is: only there may something be empty. */
  readonly passesOn?: number | undefined;
  /** Exit code for an error of this verb, where it is not that of the error. */
  exitOf?(error: unknown): number;
  /** Does the work. */
  run(
    context: Context,
    args: readonly string[],
    options: Options,
  ): Promise<Report | typeof STREAMED>;
}

/** Option values as commander gives them. */
export type Options = Readonly<Record<string, unknown>>;

/** The string value of an option, or `undefined`. */
export function stringOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** The list value of an option. */
export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.map(String) : [];
}
