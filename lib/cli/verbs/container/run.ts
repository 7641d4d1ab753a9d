import type { Command } from "commander";
import {
  CommandError,
  parseVolume,
  type ProcessOptions,
  runContainer,
  type RunContainerOptions,
} from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Context } from "../../context.ts";
import { openImage } from "../../images.ts";
import { oneOf } from "../../options.ts";
import { listOption, type Options, stringOption, type Verb } from "../../verb.ts";

/** Failures of `run` itself, as a shell and Docker know them. */
const OWN_FAILURE = 125;

/** Failures that keep the code that they have everywhere. */
const KEPT: Readonly<Record<string, number>> = { E_USAGE: 2, E_EXISTS: 5, E_UNSUPPORTED: 9 };

/** Longest time between SIGTERM and SIGKILL, in seconds. */
const MAX_GRACE = 86_400;

/** `varve run`. */
export const run: Verb = {
  usage: "run <ref> [command...]",
  summary: "run a container on an image, in the foreground",
  help:
    `Changes go to a read-write layer, the snapshot KEY. It stays ('varve ps' lists it) unless --rm is given;
--name KEY starts it again. From the first word of the command on, all words are the command's.

The container has Docker's default capabilities, masked paths and devices, no seccomp profile, and no limits
but those of varve. Directories that the image declares as volumes are part of the layer. --runtime auto takes
runc, else crun, else chroot, which is namespaces by util-linux, without cgroups.

Signals go on to the command; one that does not end after SIGTERM is killed (--stop-timeout).

Exit code: that of the command; 125 when varve could not run it, 126 when it is not executable, 127 when it is
not there; 2 for wrong usage, 5 for a KEY of another image, 9 where this machine or user cannot run containers.

Examples:
  varve run --rm debian:12 ls -l /
  varve run --name work --tty debian:12
  varve run --rm -v ./src:/src:ro -e LANG=C -w /src debian:12 sh -c 'du -s .'`,
  passesOn: 1,
  configure: addOptions,
  exitOf(error) {
    if (error instanceof CommandError) return error.exit;
    return error instanceof VarveError ? KEPT[error.code] ?? OWN_FAILURE : OWN_FAILURE;
  },
  async run(context, [reference = "", ...command], options) {
    const wanted = readOptions(context, command, options);
    const store = await context.store();
    const image = await openImage(store, reference);
    const snapshotter = await context.snapshotter();
    await using stack = new AsyncDisposableStack();
    const { exit } = await runContainer({
      store,
      snapshotter,
      image,
      ...wanted,
      ...sweepOf(context),
      signal: context.signal,
      forwardSignals: true,
      onStart() {
        if (context.io.holdSignals !== undefined) stack.use(context.io.holdSignals());
      },
    });
    return { json: undefined, text: "", exit };
  },
};

/** The command by which a watchdog repairs the store when this process is killed. */
function sweepOf({ io, options: { root, driver } }: Context): Pick<RunContainerOptions, "sweep"> {
  if (io.self === undefined) return {};
  const same = driver === undefined ? [] : ["--driver", driver];
  return { sweep: [...io.self(), "--root", root, ...same, "reap"] };
}

function addOptions(command: Command): void {
  command
    .option("--name <key>", "key of the read-write layer; made if there is none")
    .option("--rm", "remove the read-write layer at the end")
    .option("-t, --tty", "give the container a terminal")
    .option("-i, --interactive", "accepted for Docker's sake: standard input is always open")
    .option("--init", "run tini first: it reaps processes and passes signals on")
    .option("-v, --volume <src:dst[:ro]>", "show a path of the host; may be given again", collect)
    .option("-e, --env <name[=value]>", "set a variable, or pass it on", collect)
    .option("-w, --workdir <dir>", "where the command starts")
    .option("-u, --user <user[:group]>", "who it runs as: names or numbers, of the image")
    .option("--entrypoint <program>", "instead of the image's entrypoint and command")
    .option("--read-only", "the root may only be read")
    .option("--network <mode>", "host, or none for loopback only", "host")
    .option("--runtime <runtime>", "auto, runc, crun or chroot", "auto")
    .option("--stop-timeout <seconds>", "time between SIGTERM and SIGKILL", "10");
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...before ?? [], value];
}

type Wanted = Omit<RunContainerOptions, "store" | "snapshotter" | "image">;

function readOptions(context: Context, command: readonly string[], options: Options): Wanted {
  const key = stringOption(options, "name");
  return {
    process: processOptions(context, command, options),
    key,
    remove: options["rm"] === true,
    runtime: stringOption(options, "runtime") ?? "auto",
    searchPath: context.io.env("PATH") ?? "",
    volumes: listOption(options, "volume").map(parseVolume),
    readOnly: options["readOnly"] === true,
    init: options["init"] === true,
    network: oneOf("--network", stringOption(options, "network") ?? "host", ["host", "none"]),
    grace: seconds(stringOption(options, "stopTimeout") ?? "10") * 1000,
  };
}

function processOptions(
  context: Context,
  command: readonly string[],
  options: Options,
): ProcessOptions {
  const entrypoint = stringOption(options, "entrypoint");
  const workingDir = stringOption(options, "workdir");
  const user = stringOption(options, "user");
  if (workingDir !== undefined && !workingDir.startsWith("/")) {
    throw new VarveError("E_USAGE", `Cannot start in ${workingDir}: the path is not absolute`);
  }
  return {
    command,
    env: listOption(options, "env").flatMap((one) => variable(context, one)),
    tty: options["tty"] === true,
    entrypoint,
    workingDir,
    user,
  };
}

/** `NAME=value` as it is, `NAME` with the value that it has here; nothing when it has none. */
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
