import { Command } from "commander";
import type { Context } from "./context.ts";
import type { Options, Report, STREAMED, Verb } from "./verb.ts";
import { cat } from "./verbs/cat.ts";
import { configGet, configLs, configSet } from "./verbs/config.ts";
import { doctor } from "./verbs/doctor.ts";
import { images } from "./verbs/images.ts";
import { history, inspect, layers } from "./verbs/inspect.ts";
import { load } from "./verbs/load.ts";
import { mount, umount, unpack } from "./verbs/mount.ts";
import { rmi, tag } from "./verbs/names.ts";
import { save } from "./verbs/save.ts";
import { snapshotVerbs } from "./verbs/snapshot.ts";
import { diff, ls, stat, tree } from "./verbs/tree.ts";
import { version } from "./verbs/version.ts";

/** The verbs, in the order of `--help`. */
export const VERBS: readonly Verb[] = [
  load,
  save,
  images,
  tag,
  rmi,
  inspect,
  history,
  layers,
  ls,
  cat,
  stat,
  diff,
  tree,
  mount,
  umount,
  unpack,
  version,
  doctor,
];

/** Verbs that have verbs of their own. */
export const GROUPS: readonly { name: string; summary: string; verbs: readonly Verb[] }[] = [
  { name: "snapshot", summary: "the snapshotter itself", verbs: snapshotVerbs },
  {
    name: "config",
    summary: "settings kept in the store",
    verbs: [configLs, configGet, configSet],
  },
];

/** Runs a verb that was found. */
export type Dispatch = (
  verb: Verb,
  args: readonly string[],
  options: Options,
) => Promise<void>;

/** What a dispatcher calls in the end. */
export type Runner = (
  context: Context,
  verb: Verb,
) => Promise<Report | typeof STREAMED>;

const GLOBAL_HELP = `
Exit codes:
  0 ok  1 internal  2 usage  3 damage found  4 not found  5 already exists  6 precondition  7 bad data
  8 limit exceeded  9 unsupported here  10 registry  11 denied  12 system call

Environment: VARVE_ROOT, VARVE_DURABILITY, VARVE_WORKERS, VARVE_DRIVER`;

/** The command line as commander knows it. */
export function createProgram(dispatch: Dispatch): Command {
  const program = new Command("varve")
    .description(
      "verify container images byte by byte, look into them, mount, unpack and save them",
    )
    .option("--root <dir>", "root of the store")
    .option("--format <format>", "text or json")
    .option("--quiet", "no progress and no warnings")
    .option("--progress <mode>", "auto, plain or none")
    .option("--durability <mode>", "full or none: whether data is synced before it is visible")
    .option("--workers <n>", "worker threads")
    .option("--driver <driver>", "snapshot driver: overlay, native or auto")
    .addHelpText("after", GLOBAL_HELP);
  for (const verb of VERBS) add(program, verb, dispatch);
  for (const { name, summary, verbs } of GROUPS) {
    const group = program.command(name).description(summary);
    for (const verb of verbs) add(group, verb, dispatch);
  }
  return program;
}

function add(parent: Command, verb: Verb, dispatch: Dispatch): void {
  const command = parent.command(verb.usage).description(verb.summary)
    .addHelpText("after", `\n${verb.help}`);
  verb.configure?.(command);
  command.action(async () => {
    // Commander's own conversion of variadic arguments is undone: a verb gets them flat.
    const args = command.processedArgs.flat().filter((arg) => typeof arg === "string") as string[];
    await dispatch(verb, args, command.opts() as Options);
  });
}
