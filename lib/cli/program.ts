import { Command } from "commander";
import { VarveError } from "../errors.ts";
import type { Options, Verb } from "./verb.ts";
import { append } from "./verbs/append.ts";
import { cat } from "./verbs/cat.ts";
import { commit } from "./verbs/commit.ts";
import { completions } from "./verbs/completions.ts";
import { configGet, configLs, configSet } from "./verbs/config.ts";
import { copy } from "./verbs/copy.ts";
import { diff } from "./verbs/diff.ts";
import { doctor } from "./verbs/doctor.ts";
import { exportVerb } from "./verbs/export.ts";
import { images } from "./verbs/images.ts";
import { importVerb } from "./verbs/import.ts";
import { history, inspect, layers } from "./verbs/inspect.ts";
import { load } from "./verbs/load.ts";
import { mount, umount, unpack } from "./verbs/mount.ts";
import { rmi, tag } from "./verbs/names.ts";
import { login, logout } from "./verbs/login.ts";
import { digest, manifest, tags } from "./verbs/look_up.ts";
import { ps } from "./verbs/ps.ts";
import { pull } from "./verbs/pull.ts";
import { push } from "./verbs/push.ts";
import { rebase } from "./verbs/rebase.ts";
import { registryServe } from "./verbs/registry_serve.ts";
import { run } from "./verbs/run.ts";
import { save } from "./verbs/save.ts";
import { snapshotVerbs } from "./verbs/snapshot.ts";
import { squash } from "./verbs/squash.ts";
import { ls, stat, tree } from "./verbs/tree.ts";
import { VERSION, version } from "./verbs/version.ts";

/** The verbs, in the order of `--help`. */
export const VERBS: readonly Verb[] = [
  load,
  save,
  pull,
  push,
  copy,
  tags,
  digest,
  manifest,
  login,
  logout,
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
  run,
  ps,
  commit,
  importVerb,
  exportVerb,
  squash,
  rebase,
  append,
  version,
  doctor,
  completions,
];

/** Verbs that have verbs of their own. */
export const GROUPS: readonly { name: string; summary: string; verbs: readonly Verb[] }[] = [
  { name: "registry", summary: "the store as a registry", verbs: [registryServe] },
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

const GLOBAL_HELP = `
Exit codes:
  0 ok  1 internal  2 usage  3 damage found  4 not found  5 already exists  6 precondition  7 bad data
  8 limit exceeded  9 unsupported here  10 registry  11 denied  12 system call  130 interrupted

Environment, where the option is not given:
  VARVE_ROOT, VARVE_DURABILITY, VARVE_WORKERS, VARVE_DRIVER, VARVE_INFLATE (auto, isal or zlib); without
  them the settings of the store (varve config ls).

Names of files that are no printable UTF-8 are shown with \\xNN for a byte and \\\\ for a backslash,
and REF:/PATH takes them so.`;

/** The command line as commander knows it. */
export function createProgram(dispatch: Dispatch): Command {
  const program = new Command("varve")
    .description(
      "verify container images byte by byte, look into them, mount, unpack and save them",
    )
    .usage("[options] VERB …")
    .option("--root <dir>", "root of the store")
    .option("--format <format>", "text or json")
    .option("--quiet", "no progress and no warnings")
    .option("--progress <mode>", "auto, plain or none")
    .option("--durability <mode>", "full or none: whether data is synced before it is visible")
    .option("--workers <n>", "worker threads")
    .option("--driver <driver>", "snapshot driver: erofs, overlay, native or auto")
    .version(VERSION, "--version", "print the version")
    .addHelpText("after", GLOBAL_HELP)
    .configureHelp({ showGlobalOptions: true });
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
