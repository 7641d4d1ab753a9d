import type { Command } from "commander";
import {
  parseTmpfs,
  parseVolume,
  type ProcessOptions,
  runContainer,
  type RunContainerOptions,
} from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Reached } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { freeUnused, prepareToFree } from "../../free_unused.ts";
import { openImage, PLATFORM_OPTION } from "../../images.ts";
import { oneOf } from "../../options.ts";
import { collect, listOption, type Options, stringOption, type Verb } from "../../verb.ts";
import { exitOfRun, foreground, giveTerminal } from "./foreground.ts";

/** Longest time between SIGTERM and SIGKILL, in seconds. */
const MAX_GRACE = 86_400;

/** `varve run`. */
export const run: Verb = {
  usage: "run <ref> [command...]",
  withoutStore: "refuses",
  summary: "run a container on an image, in the foreground",
  help:
    `Changes go to a read-write layer, the snapshot KEY. It stays afterwards unless --rm is given: 'varve ps'
lists it, 'varve start KEY' runs it again, and --name KEY runs another command on it. Words after the first word of COMMAND belong to it. --rm refuses a
KEY that exists already, because it would remove the changes in it.

The container has Docker's default capabilities, masked paths and devices. It has no seccomp profile. Its limits are
those of ulimit(1) where varve is started; with runc and crun it has a cgroup of its own, without limits. Directories that the image declares as volumes are part of the
layer. --runtime auto uses runc, else crun, else chroot. The last one makes namespaces with util-linux and
has no cgroups.

Signals are forwarded to the command. If it does not end after SIGTERM, it is killed (see --stop-timeout). So it is
when its terminal is closed, and, without --tty, when Ctrl + C is pressed three times within two seconds.

Exit code: the command's own; 125 when varve could not run it, 126 when it is not executable, 127 when it does
not exist; 2 for wrong usage, 5 when KEY belongs to another image, or is there already and --rm is given, 9 when
this machine or user cannot run containers.

Examples:
  varve run --rm debian:12 ls -l /
  varve run --name work --tty debian:12
  varve run --rm --read-only --tmpfs /tmp debian:12 touch /tmp/f
  varve run --rm -v ./src:/src:ro -e LANG=C -w /src debian:12 sh -c 'du -s .'`,
  passesOn: 1,
  // As with Docker: no entrypoint.
  mayBeEmpty: ["entrypoint"],
  configure: addOptions,
  exitOf: (error) => exitOfRun(error, ["E_USAGE", "E_EXISTS", "E_UNSUPPORTED"]),
  async run(context, [reference = "", ...command], options) {
    const wanted = await readOptions(context, command, options);
    const store = await context.store();
    const image = await openImage(store, reference, options);
    const snapshotter = await context.snapshotter();
    await using stack = new AsyncDisposableStack();
    let reached: Reached | undefined;
    const { exit } = await runContainer({
      store,
      snapshotter,
      image,
      ...wanted,
      ...foreground(context),
      onStart(key) {
        if (wanted.remove === true) {
          reached = store.collector.reach([`snapshot:${key}`]);
          prepareToFree();
        }
        giveTerminal(context, stack);
      },
    });
    if (wanted.remove === true) await freeUnused(context, options, { isSilent: true, reached });
    return { json: undefined, text: "", exit };
  },
};

function addOptions(command: Command): void {
  command
    .option("--name <key>", "key of the read-write layer; created if there is none")
    .option("--rm", "remove the read-write layer at the end, and free what only it kept")
    .option("--no-gc", "with --rm, leave what nothing needs any more to a later gc")
    .option(...PLATFORM_OPTION)
    .option("-t, --tty", "give the container a terminal")
    .option(
      "-i, --interactive",
      "no effect, for compatibility with Docker: standard input is always open",
    )
    .option("--init", "run tini as process 1: it reaps processes and forwards signals")
    .option(
      "-v, --volume <src:dst[:ro]>",
      "bind-mount a path of the host; may be given several times",
      collect,
    )
    .option(
      "--tmpfs <dir[:options]>",
      "mount a file system in memory, with options such as size=64m,mode=1777,exec (default: nosuid,nodev,noexec); may be given several times",
      collect,
    )
    .option(
      "-e, --env <name[=value]>",
      "set a variable; NAME alone passes on its value in this environment; may be given several times",
      collect,
    )
    .option(
      "--env-file <file>",
      "set the variables in a file, a line NAME=VALUE or NAME each; -e overrides them; may be given several times",
      collect,
    )
    .option("--hostname <name>", "host name in the container")
    .option("-w, --workdir <dir>", "working directory of the command")
    .option(
      "-u, --user <user[:group]>",
      "user that runs the command: names from the image, or numbers",
    )
    .option(
      "--entrypoint <program>",
      "program that replaces the image's entrypoint and command; '' for none",
    )
    .option("--read-only", "make the root filesystem read-only")
    .option("--network <mode>", "host, or none: loopback only", "host")
    .option("--runtime <runtime>", "auto, runc, crun or chroot", "auto")
    .option("--stop-timeout <seconds>", "seconds between SIGTERM and SIGKILL", "10");
}

type Wanted = Omit<RunContainerOptions, "store" | "snapshotter" | "image" | "searchPath">;

async function readOptions(
  context: Context,
  command: readonly string[],
  options: Options,
): Promise<Wanted> {
  const key = stringOption(options, "name");
  return {
    process: await processOptions(context, command, options),
    hostname: hostnameOf(stringOption(options, "hostname")),
    key,
    remove: options["rm"] === true,
    runtime: stringOption(options, "runtime") ?? "auto",
    volumes: [
      ...listOption(options, "volume").map(parseVolume),
      ...listOption(options, "tmpfs").map(parseTmpfs),
    ],
    readOnly: options["readOnly"] === true,
    init: options["init"] === true,
    network: oneOf("--network", stringOption(options, "network") ?? "host", ["host", "none"]),
    grace: seconds(stringOption(options, "stopTimeout") ?? "10") * 1000,
  };
}

/** Longest host name (gethostname(2)). */
const MAX_HOSTNAME = 64;

function hostnameOf(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const label = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";
  if (name.length <= MAX_HOSTNAME && new RegExp(`^${label}(\\.${label})*$`).test(name)) return name;
  throw new VarveError("E_USAGE", `Cannot use ${JSON.stringify(name)} for --hostname`, {
    hint: `give letters, digits, hyphens and dots, at most ${MAX_HOSTNAME}`,
  });
}

async function processOptions(
  context: Context,
  command: readonly string[],
  options: Options,
): Promise<ProcessOptions> {
  const entrypoint = stringOption(options, "entrypoint");
  const workingDir = stringOption(options, "workdir");
  const user = stringOption(options, "user");
  if (workingDir !== undefined && !workingDir.startsWith("/")) {
    throw new VarveError("E_USAGE", `Cannot start in ${workingDir}: the path is not absolute`);
  }
  const fromFiles: string[] = [];
  for (const file of listOption(options, "envFile")) {
    const { readEnvFile } = await import("./env_file.ts");
    fromFiles.push(...await readEnvFile(file));
  }
  return {
    command,
    env: [...fromFiles, ...listOption(options, "env")].flatMap((one) => variable(context, one)),
    tty: options["tty"] === true,
    entrypoint,
    workingDir,
    user,
  };
}

/** Keeps `NAME=value`. A bare `NAME` gets its value in this environment; an empty list when it is not set there. */
function variable(context: Context, given: string): string[] {
  const at = given.indexOf("=");
  if (at === 0) {
    throw new VarveError("E_USAGE", `Cannot set ${JSON.stringify(given)}: it has no name`);
  }
  if (at > 0) return [given];
  const value = context.io.env(given);
  return value === undefined ? [] : [`${given}=${value}`];
}

function seconds(value: string): number {
  const count = /^[0-9]{1,5}$/.test(value) ? Number(value) : NaN;
  if (count <= MAX_GRACE) return count;
  throw new VarveError("E_USAGE", `Cannot wait ${JSON.stringify(value)} seconds`, {
    hint: `give a number from 0 to ${MAX_GRACE}`,
  });
}
