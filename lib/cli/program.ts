import { Command } from "commander";
import { VarveError } from "../errors.ts";
import { GROUPS, INTERNAL_VERBS, SECTIONS, VERBS } from "./catalog.ts";
import { acceptOneDash, Cursor, doubleDashes } from "./cursor.ts";
import { SUMMARIES } from "./help/summaries.ts";
import { gridOf, HELP_WIDTH, helpOf, helpStyle } from "./display/help.ts";
import { usageHint } from "./mistakes/usage.ts";
import { HELP_TEXTS, type Options, type Verb } from "./verb.ts";
import { VERSION } from "./verbs/program/version.ts";

/** Runs the verb that the command line names. */
export type Dispatch = (
  verb: Verb,
  args: readonly string[],
  options: Options,
) => Promise<void>;

const EXIT_CODES: readonly string[] = [
  "0 ok",
  "1 internal",
  "2 usage",
  "3 damage found",
  "4 not found",
  "5 already exists",
  "6 precondition",
  "7 bad data",
  "8 limit exceeded",
  "9 unsupported here",
  "10 registry",
  "11 denied",
  "12 system call",
  "13 a condition fails",
  "130 interrupted",
];

const GLOBAL_HELP =
  `Environment variables, used where the option is not given: VARVE_ROOT, VARVE_DURABILITY, VARVE_WORKERS, VARVE_DRIVER,
VARVE_INFLATE (auto, isal or zlib). Without them, the settings of the store apply ('varve config ls' lists them).

In file names, a byte that is not printable UTF-8 is shown as \\xNN, and a backslash as \\\\. REF:/PATH takes names in
the same form. Its REF is an image, the key of a snapshot, or a layer by its digest or the beginning of one. If several
have the same name, the snapshot is taken, then the image.

Verbs that read an image also read it from where it is, in place of REF: docker-archive:FILE, oci-archive:FILE or
oci:DIR, each with :NAME for one of several images, and docker://REF in a registry. All that is read is verified, and
nothing of it enters the store; it lies in a directory for temporary files (TMPDIR) meanwhile. These verbs are explore,
inspect, history, layers, ls, cat, stat, find, grep, du, tree and diff. 'inspect', 'history' and 'layers' read only the
manifest and the config.

A template of --format has fields of the JSON that 'varve VERB --help' describes, such as '{{.name}}\\t{{.config.created}}'.
A list gives a line for each of its values. There are no functions.

'varve VERB --help' explains a verb, 'varve help TOPIC' what concerns several: names, stores, exit-codes, registries,
rootless, docker.`;

/**
 * Builds commander's model of the command line.
 *
 * @param args the words to parse. When they name a verb, only its module is loaded, which makes the start faster;
 *   otherwise the program has the names and summaries of all verbs, for the list of `--help`. When absent, it has all
 *   verbs.
 * @param width columns of the help
 */
export async function createProgram(
  dispatch: Dispatch,
  args?: readonly string[],
  width: number = HELP_WIDTH,
): Promise<Command> {
  const program = programWithoutVerbs(width);
  const add = (parent: Command, verb: Verb) => addVerb(parent, verb, width, dispatch);
  const wanted = firstWord(program, args ?? []);
  if (wanted !== undefined && Object.hasOwn(INTERNAL_VERBS, wanted)) {
    add(program, await (INTERNAL_VERBS[wanted] as () => Promise<Verb>)());
    return program;
  }
  const isKnown = wanted !== undefined &&
    (Object.hasOwn(VERBS, wanted) || Object.hasOwn(GROUPS, wanted));
  const isList = args !== undefined && !isKnown;
  for (const [name, read] of Object.entries(VERBS)) {
    if (isList) program.command(name).description(SUMMARIES[name] ?? (await read()).summary);
    else if (!isKnown || name === wanted) add(program, await read());
  }
  for (const [name, { summary, verbs }] of Object.entries(GROUPS)) {
    if (isKnown && name !== wanted) continue;
    const group = program.command(name).description(summary);
    for (const verb of isList ? [] : await verbs()) add(group, verb);
  }
  if (!isKnown) divide(program);
  return program;
}

/** Puts the verbs below the headings of {@linkcode SECTIONS}. */
function divide(program: Command): void {
  const order = Object.entries(SECTIONS).flatMap(([heading, names]) =>
    names.map((name) => [name, `${heading}:`] as const)
  );
  for (const [name, heading] of order) {
    program.commands.find((one) => one.name() === name)?.helpGroup(heading);
  }
}

function programWithoutVerbs(width: number): Command {
  return new Command("varve")
    .description(
      "verify, inspect, mount, unpack and save container images",
    )
    .usage("[options] VERB …")
    // The verb of this name explains more.
    .helpCommand(false)
    .option("--root <dir>", "directory of the store")
    .option(
      "--format <format>",
      "how to print results: text, json, or a template such as '{{.name}}'",
    )
    .option("--quiet", "print no progress and no warnings")
    .option("--progress <mode>", "how to show progress: auto, plain or none")
    .option(
      "--durability <mode>",
      "full or none: whether to sync data to disk before it becomes visible",
    )
    .option("--workers <n>", "worker threads (default: one per core, at most 4)")
    .option("--driver <driver>", "snapshot driver: erofs, overlay, native or auto")
    .version(VERSION, "--version", "print the version")
    .addHelpText(
      "after",
      // Laid out when it is asked for, and not at each start.
      () => `\nExit codes:\n${gridOf(EXIT_CODES, width)}\n${helpOf(GLOBAL_HELP, width)}`,
    )
    .configureHelp(helpStyle(width));
}

/** The first word of a command line that is neither an option of the program nor the value of such an option. */
function firstWord(program: Command, args: readonly string[]): string | undefined {
  const cursor = new Cursor(program);
  return args.find((word) => {
    cursor.advance(word);
    return cursor.argumentCount > 0;
  });
}

/** {@linkcode Verb.passesOn} of the verbs that have it, by command. */
const PASSES_ON = new WeakMap<Command, number>();

/**
 * Prepares words for commander: long options get their second dash where one is enough. Inserts `--` before the first
 * word that the verb passes on, so that commander does not read options after it. In `varve run app:1 ls -l`, the `-l`
 * belongs to `ls`.
 */
export function endOptions(program: Command, given: readonly string[]): string[] {
  const args = doubleDashes(program, given);
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

function addVerb(parent: Command, verb: Verb, width: number, dispatch: Dispatch): void {
  const command = parent.command(verb.usage).description(verb.summary)
    .addHelpText("after", () => `\n${helpOf(verb.help, width)}`);
  HELP_TEXTS.set(command, verb.help);
  verb.configure?.(command);
  if (verb.longWithOneDash === true) acceptOneDash(command);
  if (verb.passesOn !== undefined) PASSES_ON.set(command, verb.passesOn);
  command.action(async () => {
    // Commander puts variadic arguments into a list of their own. A verb gets all arguments in one list.
    const args = command.processedArgs.flat().filter((arg) => typeof arg === "string") as string[];
    const options = command.opts() as Options;
    refuseEmpty(command, args.slice(0, verb.passesOn), options, verb.mayBeEmpty);
    await dispatch(verb, args, options);
  });
}

/** Refuses empty words. An empty word usually comes from a shell variable that is not set. */
function refuseEmpty(
  command: Command,
  args: readonly string[],
  options: Options,
  mayBeEmpty: readonly string[] = [],
): void {
  const names = command.registeredArguments.map((argument) => argument.name());
  const empty = args.indexOf("");
  const option = Object.keys(options).find((name) =>
    !mayBeEmpty.includes(name) && [options[name]].flat().includes("")
  );
  if (empty < 0 && option === undefined) return;
  const name = empty < 0
    ? `option ${command.options.find((one) => one.attributeName() === option)?.long}`
    : `argument '${names[Math.min(empty, names.length - 1)]}'`;
  throw new VarveError("E_USAGE", `Cannot read the command line: ${name} is empty`, {
    hint: usageHint(command),
  });
}
