import { VarveError } from "../../../errors.ts";
import { mutateImage, type Mutation } from "../../../image/mod.ts";
import { changeConfig, type ContainerChange, type ContainerConfig } from "../../../oci/mod.ts";
import type { StoredImage } from "../../../store/mod.ts";
import { commandOption, pairs } from "../../image_config/container_options.ts";
import { PLATFORM_OPTION, platformChoice } from "../../images.ts";
import { DATES, IMAGE_JSON, newImageOptions } from "../../new_image.ts";
import { reportImages } from "../../report_images.ts";
import { collect, listOption, type Options, stringOption, type Verb } from "../../verb.ts";
import { UNSET_NAMES } from "../../image_config/unset_names.ts";
import { Unset } from "./unset.ts";

/** `varve mutate`. */
export const mutate: Verb = {
  usage: "mutate <ref> <destination>",
  withoutStore: "refuses",
  summary: "make an image with another config or annotations, and the same layers",
  help:
    `First everything that --unset names is removed, then --change is applied, then all other options. --env, --label,
--annotation, --expose and --volume add to what is there. --entrypoint without --cmd drops the command, because it was
for the old entrypoint. Layers and all other fields stay as they are.

The history gets one step without a layer, as with umoci; --no-history leaves it as it is. ${DATES}

COMMAND is a JSON list of words, or a line for /bin/sh -c. INSTR is a Dockerfile instruction, as in commit. NAME of
--unset: ${UNSET_NAMES.join(", ")}; or one of many: env.NAME, label.NAME,
annotation.NAME, port.80/tcp, volume.PATH.

${IMAGE_JSON}

Examples:
  varve mutate app:1 app:2 --cmd '["serve"]' --env PORT=80 --label version=2
  varve mutate app:1 app:2 --unset env.DEBUG --unset ports --user nobody
  varve mutate app:1 app:1 --annotation org.example.team=web`,
  configure(command) {
    command
      .option(...PLATFORM_OPTION)
      .option("--cmd <command>", "default command")
      .option("--entrypoint <command>", "entrypoint")
      .option("--env <name=value>", "environment variable; may be given several times", collect)
      .option("--label <name=value>", "label; may be given several times", collect)
      .option(
        "--annotation <name=value>",
        "annotation of the manifest; may be given several times",
        collect,
      )
      .option("--expose <port>", "port, such as 80 or 53/udp; may be given several times", collect)
      .option("--volume <path>", "path of a volume; may be given several times", collect)
      .option("--workdir <dir>", "working directory")
      .option("--user <user>", "user that runs the command: name or number, optionally with :group")
      .option("--stop-signal <signal>", "signal that asks the container to stop")
      .option("--author <author>", "author of the image")
      .option("--change <instr>", "Dockerfile instruction; may be given several times", collect)
      .option("--unset <name>", "what to remove; may be given several times", collect)
      .option("--message <message>", "what was changed, for the history")
      .option("--no-history", "add no step to the history");
  },
  async run(context, [reference = "", destination = ""], options) {
    // What is malformed is refused before anything is read.
    const unset = new Unset(listOption(options, "unset"));
    const change = (image: StoredImage) => mutationOf(image, unset, options);
    checkPaths(options);
    const newOptions = {
      ...await newImageOptions(context, destination),
      ...platformChoice(options),
      comment: stringOption(options, "message"),
      history: options["history"] !== false,
    };
    const store = await context.store();
    return reportImages(context, [await mutateImage(store, reference, change, newOptions)]);
  },
};

function mutationOf({ config, manifest }: StoredImage, unset: Unset, options: Options): Mutation {
  const cmd = commandOption(options, "cmd");
  const entrypoint = commandOption(options, "entrypoint");
  const removed = unset.config(config.config);
  const before = withChange(config.config, removed);
  const changed = changeConfig(before, [
    ...listOption(options, "change"),
    ...listOption(options, "expose").map((port) => `EXPOSE ${JSON.stringify(port)}`),
    ...(entrypoint === undefined ? [] : [`ENTRYPOINT ${entrypoint}`]),
    ...(cmd === undefined ? [] : [`CMD ${cmd}`]),
  ], config.document);
  const change = { ...removed, ...changed };
  const now = withChange(before, changed);
  const env = pairs(options, "env");
  const labels = pairs(options, "label");
  const volumes = listOption(options, "volume");
  return {
    config: {
      ...change,
      env: env.size === 0 ? change.env : withVariables(now.env ?? [], env),
      labels: labels.size === 0
        ? change.labels
        : sorted({ ...now.labels, ...Object.fromEntries(labels) }),
      volumes: volumes.length === 0
        ? change.volumes
        : [...new Set([...now.volumes ?? [], ...volumes])],
      user: stringOption(options, "user") ?? change.user,
      workingDir: stringOption(options, "workdir") ?? change.workingDir,
      stopSignal: stringOption(options, "stopSignal") ?? change.stopSignal,
    },
    removed: unset.removed,
    author: stringOption(options, "author"),
    annotations: sorted({
      ...unset.annotations(manifest.annotations ?? {}),
      ...Object.fromEntries(pairs(options, "annotation")),
    }),
  };
}

/** A config after a change. */
function withChange(config: ContainerConfig, change: ContainerChange): ContainerConfig {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  const all = Object.entries({ ...config, ...Object.fromEntries(given) });
  return Object.fromEntries(all.filter(([, value]) => value !== null)) as ContainerConfig;
}

/** Variables keep their places, and new ones come last. */
function withVariables(
  before: readonly string[],
  env: ReadonlyMap<string, string>,
): readonly string[] {
  const names = before.map((one) => one.split("=", 1)[0] as string);
  const changed = before.map((one, i) => {
    const value = env.get(names[i] as string);
    return value === undefined ? one : `${names[i]}=${value}`;
  });
  const added = [...env].filter(([name]) => !names.includes(name));
  return [...changed, ...added.map(([name, value]) => `${name}=${value}`)];
}

function sorted(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1));
}

function checkPaths(options: Options): void {
  const workdir = stringOption(options, "workdir");
  for (
    const [name, path] of [
      ...(workdir === undefined ? [] : [["workdir", workdir]]),
      ...listOption(options, "volume").map((path) => ["volume", path]),
    ]
  ) {
    if (path?.startsWith("/")) continue;
    throw new VarveError("E_USAGE", `Cannot use --${name} ${path}: it does not begin with /`);
  }
}
