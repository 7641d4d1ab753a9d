import { type Command, CommanderError } from "commander";
import { exitCode, toErrorRecord, VarveError } from "../errors.ts";
import { fileError } from "../linux/mod.ts";
import { Context, type Io } from "./context.ts";
import { type GlobalOptions, globalOptions } from "./options.ts";
import { createProgram } from "./program.ts";
import { type Options, type Report, STREAMED, type Verb } from "./verb.ts";

/** Options of {@linkcode runCli}. */
export interface RunCliOptions {
  /** The terminal. */
  readonly io: Io;
  /** Aborted to end the command; an interrupted one exits with 130. */
  readonly signal?: AbortSignal;
  /** Whether the user is root, which decides where the store is. */
  readonly isRoot?: boolean;
}

/** Exit code of a command that a signal ended. */
const INTERRUPTED = 130;

/**
 * Runs one command line and gives its exit code. Never throws, never exits.
 *
 * @param args without the program's name: `["load", "app.tar"]`
 */
export async function runCli(args: readonly string[], options: RunCliOptions): Promise<number> {
  const { io } = options;
  const signal = options.signal ?? new AbortController().signal;
  let format: GlobalOptions["format"] = wantsJson(args) ? "json" : "text";
  let exit = 0;
  const program: Command = createProgram(async (verb, verbArgs, verbOptions) => {
    const globals = globalOptions(program.opts(), io.env, options.isRoot ?? false);
    format = globals.format;
    await using context = new Context(io, globals, signal);
    exit = await runVerb(context, verb, verbArgs, verbOptions);
  });
  // Output that commander writes is kept until its sort is known.
  let written = "";
  forAll(program, (command) => {
    command.exitOverride().configureOutput({
      writeOut: (text) => written += text,
      writeErr: () => {},
    });
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) {
        await io.stdout(written);
        return 0;
      }
      if (error.code === "commander.help") {
        io.stderr(written);
        return 2;
      }
      return report(io, format, usageError(error));
    }
    if (signal.aborted && error === signal.reason) {
      return report(io, format, error, INTERRUPTED);
    }
    return report(io, format, fileError(error, "go on"));
  }
}

async function runVerb(
  context: Context,
  verb: Verb,
  args: readonly string[],
  options: Options,
): Promise<number> {
  const result: Report | typeof STREAMED = await verb.run(context, args, options);
  if (result === STREAMED) return 0;
  const { format } = context.options;
  const out = format === "json" ? JSON.stringify(result.json, null, 2) + "\n" : result.text;
  if (out !== "") await context.io.stdout(out);
  return result.exit ?? 0;
}

function forAll(command: Command, act: (command: Command) => void): void {
  act(command);
  for (const child of command.commands) forAll(child, act);
}

/** Errors of the command line itself must be in the wanted form, too, though it was not understood. */
function wantsJson(args: readonly string[]): boolean {
  return args.some((arg, i) =>
    arg === "--format=json" || (arg === "--format" && args[i + 1] === "json")
  );
}

function usageError(error: CommanderError): VarveError {
  const text = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ").trim();
  return new VarveError("E_USAGE", `Cannot read the command line: ${text}`, {
    hint: "'varve --help' lists the verbs, 'varve VERB --help' explains one",
  });
}

function report(
  io: Io,
  format: GlobalOptions["format"],
  error: unknown,
  exit: number = exitCode(error),
): number {
  const { code, message, details, stack } = toErrorRecord(error);
  if (format === "json") {
    io.stderr(JSON.stringify({ error: { code, message, exit, ...details } }) + "\n");
    return exit;
  }
  const hint = details.hint === undefined ? "" : ` (${details.hint})`;
  const difference = details.expected === undefined || details.actual === undefined
    ? ""
    : `: expected ${details.expected}, got ${details.actual}`;
  const shown = message.includes(String(details.actual)) ? message : message + difference;
  io.stderr(`varve: ${shown}${hint}\n`);
  if (exit === 1 && stack !== undefined) io.stderr(`${stack}\n`);
  return exit;
}
