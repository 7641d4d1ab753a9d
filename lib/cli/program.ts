import { Command } from "commander";
import { VarveError } from "../errors.ts";
import { GROUPS, INTERNAL_VERBS, VERBS } from "./catalog.ts";
import { Cursor } from "./cursor.ts";
import type { Options, Verb } from "./verb.ts";
import { VERSION } from "./verbs/program/version.ts";

/** Runs a verb that was found. */
export type Dispatch = (
  verb: Verb,
  args: readonly string[],
  options: Options,
) => Promise<void>;

const GLOBAL_HELP = `
Exit codes:
  0 ok  1 internal  2 usage  3 damage found  4 not found  5 already exists  6 precondition  7 bad data
  8 limit exceeded  9 unsupported here  10 registry  11 denied  12 system call  130 interrupted

Environment, where the option is not given:
  VARVE_ROOT, VARVE_DURABILITY, VARVE_WORKERS, VARVE_DRIVER, VARVE_INFLATE (auto, isal or zlib); without
  them the settings of the store (varve config ls).

Names of files that are no printable UTF-8 are shown with \\xNN for a byte and \\\\ for a backslash,
and REF:/PATH takes them so.`;

/**
 * The command line as commander knows it.
 *
 * @param args what is to be parsed: when it names a verb, no other is in the program
 */
export async function createProgram(
  dispatch: Dispatch,
  args: readonly string[] = [],
): Promise<Command> {
  const program = programWithoutVerbs();
  const wanted = firstWord(program, args);
  if (wanted !== undefined && Object.hasOwn(INTERNAL_VERBS, wanted)) {
    add(program, await (INTERNAL_VERBS[wanted] as () => Promise<Verb>)(), dispatch);
    return program;
  }
  const isKnown = wanted !== undefined &&
    (Object.hasOwn(VERBS, wanted) || Object.hasOwn(GROUPS, wanted));
  for (const [name, read] of Object.entries(VERBS)) {
    if (!isKnown || name === wanted) add(program, await read(), dispatch);
  }
  for (const [name, { summary, verbs }] of Object.entries(GROUPS)) {
    if (isKnown && name !== wanted) continue;
    const group = program.command(name).description(summary);
    for (const verb of await verbs()) add(group, verb, dispatch);
  }
  return program;
}

function programWithoutVerbs(): Command {
  return new Command("varve")
    .description(
      "verify container images byte by byte, look into them, mount, unpack and save them",
    )
    .usage("[options] VERB …")
    .option("--root <dir>", "root of the store")
    .option("--format <format>", "text or json")
    .option("--quiet", "no progress and no warnings")
    .option("--progress <mode>", "auto, plain or none")
    .option("--durability <mode>", "full or none: whether data is synced before it is visible")
    .option("--workers <n>", "jobs at once (default: the cores, at most 4)")
    .option("--driver <driver>", "snapshot driver: erofs, overlay, native or auto")
    .version(VERSION, "--version", "print the version")
    .addHelpText("after", GLOBAL_HELP)
    .configureHelp({ showGlobalOptions: true });
}

/** The first word of a command line that is no option of a program and no value of one. */
function firstWord(program: Command, args: readonly string[]): string | undefined {
  const cursor = new Cursor(program);
  return args.find((word) => {
    cursor.advance(word);
    return cursor.argumentCount > 0;
  });
}

/** From which argument on a command passes words on. */
const PASSES_ON = new WeakMap<Command, number>();

/**
 * The same command line with `--` before the first word that its verb only passes on: what follows
 * are no options of varve, as in `varve run app:1 ls -l`.
 */
export function endOptions(program: Command, args: readonly string[]): string[] {
  const cursor = new Cursor(program);
  for (const [i, word] of args.entries()) {
    if (cursor.optionsEnded) break;
    const first = PASSES_ON.get(cursor.command);
    const isArgument = cursor.openOption === undefined && !cursor.isOption(word);
    if (first !== undefined && cursor.argumentCount >= first && isArgument) {
      return [...args.slice(0, i), "--", ...args.slice(i)];
    }
    cursor.advance(word);
  }
  return [...args];
}

function add(parent: Command, verb: Verb, dispatch: Dispatch): void {
  const command = parent.command(verb.usage).description(verb.summary)
    .addHelpText("after", `\n${verb.help}`);
  verb.configure?.(command);
  if (verb.passesOn !== undefined) PASSES_ON.set(command, verb.passesOn);
  command.action(async () => {
    // Commander's own conversion of variadic arguments is undone: a verb gets them flat.
    const args = command.processedArgs.flat().filter((arg) => typeof arg === "string") as string[];
    const options = command.opts() as Options;
    refuseEmpty(command, args.slice(0, verb.passesOn), options);
    await dispatch(verb, args, options);
  });
}

/** What a shell makes of a variable that is not set: never what the user meant. */
function refuseEmpty(command: Command, args: readonly string[], options: Options): void {
  const names = command.registeredArguments.map((argument) => argument.name());
  const empty = args.indexOf("");
  const option = Object.keys(options).find((name) => [options[name]].flat().includes(""));
  if (empty < 0 && option === undefined) return;
  const name = empty < 0
    ? `option ${command.options.find((one) => one.attributeName() === option)?.long}`
    : `argument '${names[Math.min(empty, names.length - 1)]}'`;
  throw new VarveError("E_USAGE", `Cannot read the command line: ${name} is empty`);
}
