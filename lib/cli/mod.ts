/**
 * The command line as a library: {@linkcode runCli} runs one command and returns its exit code.
 *
 * **A verb** is a value of type `Verb` (`verb.ts`): its usage in commander's notation, a summary, a help text, its
 * options, and `run`. It does no work itself. It parses its arguments, calls a function of another room, and returns
 * a report. The verbs are in `verbs/`, grouped by subject. `catalog.ts` lists them by name, and loads the module of a
 * verb only when the verb is used, so that the start of the program stays fast.
 *
 * **A run** goes through these steps, in `run.ts`:
 *
 * 1. `program.ts` builds commander's model of the command line, with the verb that the words name.
 * 2. commander parses the words. Options and environment together give the global options (`options.ts`).
 * 3. The verb runs with a `Context` (`context.ts`). The context opens the store, the worker pool and the snapshotter
 *    when the verb first asks for them, shows progress and warnings, and closes everything at the end.
 * 4. The report is printed, or the error with its hint. Only this room knows exit codes.
 *
 * **A report** has a JSON document for programs and a text for people; `--format` selects one. Either may be a
 * generator, so that a long list is never in memory as a whole. A verb that writes bytes, such as `save`, writes them
 * to standard output itself and returns `STREAMED`. Progress, warnings and errors go to standard error. Text that
 * comes from an image or a registry is escaped before it reaches a terminal (`display/`).
 *
 * **The environment** is read through `Io` (`io.ts`) and nowhere else in varve. `main.ts` makes the `Io` of the
 * process, and turns signals into an abort of the command. Other rooms get plain options. So a test, or a program that
 * embeds varve, can run any command with streams and variables of its own.
 *
 * **Shell completion** (`completion/`) uses the same model of the command line: a `Cursor` (`cursor.ts`) reads the
 * words before TAB and says what can follow.
 *
 * @module
 */
export type { Io, TakenTerminal } from "./io.ts";
export { runCli, type RunCliOptions } from "./run.ts";
export { VERSION } from "./verbs/program/version.ts";
