import { escapeJson, escapeLines, escapeText } from "../bytes/mod.ts";
import { type Command, CommanderError } from "commander";
import { EXIT_CODES, exitCode, toErrorRecord, VarveError } from "../errors.ts";
import { fileError, firstError } from "../linux/mod.ts";
import { Context } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonParts } from "./display/json.ts";
import { helpWidth } from "./display/help.ts";
import { checkedOutput, ClosedOutput, writeMessage, writeParts } from "./display/output.ts";
import { wrapParts } from "./display/wrap.ts";
import { type FailedCommand, hintOf } from "./mistakes/hints.ts";
import { usageError } from "./mistakes/usage.ts";
import { type GlobalOptions, globalOptions } from "./options.ts";
import { createProgram, endOptions } from "./program.ts";
import { isSource } from "./sources/is_source.ts";
import { type Options, type Report, STREAMED, type Verb } from "./verb.ts";

/** Options of {@linkcode runCli}. */
export interface RunCliOptions {
  /** Standard streams and environment of the command. */
  readonly io: Io;
  /** Abort it to end the command, which then exits with 130. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the user is root. Without `--root` and `VARVE_ROOT`, it decides where the store is. */
  readonly isRoot?: boolean | undefined;
}

/** Exit code of a command that was aborted. It is the exit code of a program that SIGINT ended. */
export const INTERRUPTED = 130;
/** Exit code that a shell shows for a program that SIGPIPE ended. */
const CLOSED_OUTPUT = 141;

/**
 * Runs one command line and returns its exit code. It reports errors on standard error: it never throws, and never
 * ends the process.
 *
 * @param args the words after the program's name: `["load", "app.tar"]`
 *
 * @example
 * ```ts
 * import { runCli } from "@varve/varve/cli";
 *
 * let said = "";
 * const code = await runCli(["--version"], {
 *   io: {
 *     env: () => undefined,
 *     stdout: (data) => Promise.resolve(void (said += data)),
 *     stderr: () => {},
 *     stdin: () => new ReadableStream(),
 *     isTerminal: () => false,
 *   },
 * });
 * if (code !== 0 || said.trim() === "") throw new Error("a program has a version");
 * ```
 */
export async function runCli(args: readonly string[], options: RunCliOptions): Promise<number> {
  const signal = options.signal ?? new AbortController().signal;
  const io = checkedOutput(options.io, signal);
  let format: GlobalOptions["format"] = wantsJson(args) ? "json" : "text";
  let action = "go on";
  let exit = 0;
  let exitOf: (error: unknown) => number = exitCode;
  let failed: FailedCommand | undefined;
  const width = helpWidth(io);
  const program: Command = await createProgram(
    async (verb, verbArgs, verbOptions) => {
      failed = { verb: verb.usage.split(" ", 1)[0] as string, args: verbArgs };
      action = `run '${failed.verb}'`;
      const globals = globalOptions(program.opts(), io.env, () => options.isRoot ?? false);
      format = globals.template === undefined ? globals.format : "text";
      refuseInexact(io, args);
      // What is read from a source lies in a temporary directory, which has to be removed.
      const onlyReads = typeof verb.onlyReads === "function"
        ? verb.onlyReads(verbOptions)
        : verb.onlyReads === true;
      const endsAtOnce = onlyReads && !verbArgs.some(isSource);
      if (endsAtOnce) io.endAtSignals?.();
      exitOf = (error) => verb.exitOf?.(error) ?? exitCode(error);
      const commandLine = (words?: readonly string[]) =>
        createProgram(() => Promise.resolve(), words, width);
      const withoutStore = typeof verb.withoutStore === "function"
        ? verb.withoutStore(verbArgs)
        : verb.withoutStore;
      await using context = new Context(io, globals, signal, commandLine, withoutStore);
      if (globals.template !== undefined) await context.prepareTemplate(globals.template);
      if (!endsAtOnce && withoutStore !== "unused") await context.prepareBars();
      exit = await runVerb(context, verb, verbArgs, verbOptions);
    },
    args,
    width,
  );
  // Keep commander's output until we know whether it is help or an error.
  let written = "";
  let refusing = program;
  forAll(program, (command) => {
    command.exitOverride((error) => {
      refusing = command;
      throw error;
    }).configureOutput({
      writeOut: (text) => written += text,
      writeErr: (text) => written += text,
      // Otherwise commander reads the environment, which needs a permission. The help has no colours.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  });
  try {
    await program.parseAsync(endOptions(program, args), { from: "user" });
    return exit;
  } catch (thrown) {
    const error = firstError(thrown);
    if (error instanceof CommanderError && error.exitCode === 0) {
      return await writeHelp(io, written);
    }
    if (error instanceof CommanderError && error.code === "commander.help") {
      if (format === "text") {
        io.stderr(written);
        return EXIT_CODES.E_USAGE;
      }
      const missing = new CommanderError(error.exitCode, error.code, "no verb is given");
      return report(io, format, usageError(missing, refusing));
    }
    if (error instanceof CommanderError) return report(io, format, usageError(error, refusing));
    if (error instanceof ClosedOutput) return CLOSED_OUTPUT;
    if (signal.aborted && error === signal.reason) {
      return report(io, format, error, INTERRUPTED);
    }
    const failure = fileError(error, action);
    return report(io, format, hinted(failure, failed), exitOf(failure));
  }
}

async function writeHelp(io: Io, text: string): Promise<number> {
  try {
    await io.stdout(text);
    return 0;
  } catch (error) {
    return error instanceof ClosedOutput ? CLOSED_OUTPUT : report(io, "text", error);
  }
}

async function runVerb(
  context: Context,
  verb: Verb,
  args: readonly string[],
  options: Options,
): Promise<number> {
  const result: Report | typeof STREAMED = await verb.run(context, args, options);
  context.endProgress();
  if (result === STREAMED) return 0;
  const { json, text } = result;
  if (json === undefined) return result.exit ?? 0;
  const parts = typeof text === "string" ? [text] : text;
  const { columns, io, template, options: { format } } = context;
  const printed = template !== undefined
    ? template.lines(json)
    : format === "json"
    ? jsonParts(json)
    : wrapParts(escaped(parts), result.isDocument === true ? undefined : columns);
  await writeParts(io, printed);
  return result.exit ?? 0;
}

/** Refuses words that Deno has changed. @throws {VarveError} `E_USAGE` */
function refuseInexact(io: Io, args: readonly string[]): void {
  const word = args.find((one) => one.includes("\ufffd"));
  if (word === undefined || io.hasExactWords?.() !== false) return;
  throw new VarveError("E_USAGE", `Cannot read the command line: the word ${word} is not UTF-8`, {
    subject: word,
    hint: "in REF:/PATH, \\xNN stands for a byte",
  });
}

/** Escapes all text that a verb prints. It may come from an image, and the verb may not have escaped it. */
function* escaped(parts: Iterable<string>): Generator<string> {
  for (const part of parts) yield escapeLines(part);
}

function forAll(command: Command, act: (command: Command) => void): void {
  act(command);
  for (const child of command.commands) forAll(child, act);
}

/**
 * Whether `--format json` is given. Errors in the command line itself are reported as JSON as well, so this looks
 * before parsing.
 */
function wantsJson(args: readonly string[]): boolean {
  return args.some((arg, i) =>
    arg === "--format=json" || (arg === "--format" && args[i + 1] === "json")
  );
}

/** The error with a hint that says the next step in the words of the command line. */
function hinted(error: unknown, failed: FailedCommand | undefined): unknown {
  if (!(error instanceof VarveError)) return error;
  const { code, message, details } = error;
  return new VarveError(code, message, { ...details, hint: hintOf(error, failed) });
}

function report(
  io: Io,
  format: GlobalOptions["format"],
  error: unknown,
  exit: number = exitCode(error),
): number {
  const { code, message, details, stack } = toErrorRecord(error);
  if (format === "json") {
    const json = { error: { code, message, exit, ...details } };
    io.stderr(`${escapeJson(JSON.stringify(json))}\n`);
    return exit;
  }
  const { expected, actual, hint } = details;
  // Most messages contain both values already.
  const said = [expected, actual].every((one) => one === undefined || message.includes(`${one}`));
  const difference = said || expected === undefined || actual === undefined
    ? ""
    : `: expected ${expected}, got ${actual}`;
  const line = `${message}${difference}${hint === undefined ? "" : ` (${hint})`}`;
  writeMessage(io, `varve: ${escapeText(line)}\n`);
  // Exit code 1 means a defect of varve. Its stack belongs in the bug report.
  if (exit === 1 && stack !== undefined) io.stderr(`${escapeLines(stack)}\n`);
  return exit;
}
