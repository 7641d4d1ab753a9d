import { importDirectory } from "../../../commit/mod.ts";
import { VarveError } from "../../../errors.ts";
import { importImage, type ImportOptions } from "../../../image/mod.ts";
import { changeConfig } from "../../../oci/mod.ts";
import { hostPlatform } from "../../../store/mod.ts";
import { platformOption } from "../../images.ts";
import { DATES, IMAGE_JSON, newImageOptions, tarSource } from "../../new_image.ts";
import { commandOption, pairs } from "../../image_config/container_options.ts";
import { collect, type Options, stringOption, type Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";

/** `varve import`. */
export const importVerb: Verb = {
  usage: "import <source> <ref>",
  withoutStore: "makes",
  summary: "make an image with one layer from a root filesystem",
  help: `SOURCE is a directory, a tar (plain, gzip or zstd), or - for a tar from standard input.

A tar becomes the layer unchanged, byte for byte. It is checked like the layer of any image.

A directory is read with owners, times in nanoseconds, extended attributes, hard links and devices.
Sockets are left out with a warning. A mount inside the directory, or a file that changes while it is
read, is an error. The same files give the same layer on any machine, and with SOURCE_DATE_EPOCH the same
image. ${DATES}

COMMAND is a JSON list of words, or a line for /bin/sh -c.

${IMAGE_JSON}

Examples:
  varve import ./rootfs app:1 --cmd '["/bin/app"]' --env PATH=/bin
  debootstrap --variant=minbase stable root && varve import root debian:stable
  docker export box | varve import - box:1`,
  configure(command) {
    command
      .option("--cmd <command>", "default command")
      .option("--entrypoint <command>", "entrypoint")
      .option("--env <name=value>", "environment variable; may be given several times", collect)
      .option("--label <name=value>", "label; may be given several times", collect)
      .option("--workdir <dir>", "working directory")
      .option("--user <user>", "user that runs the command: name or number, optionally with :group")
      .option(
        "--platform <platform>",
        "platform that the files are for, such as linux/arm64 (default: this machine's)",
      );
  },
  async run(context, [source = "", reference = ""], options) {
    const config = containerOf(options);
    const platform = platformOption(stringOption(options, "platform")) ?? hostPlatform();
    const tar = tarSource(context, source, "import");
    const importOptions: ImportOptions = {
      ...await newImageOptions(context, reference),
      platform,
      config,
      onWarning: (message) => context.warn(message),
    };
    const store = await context.store();
    const image = typeof tar === "string" && await isDirectory(tar)
      ? await importDirectory(store, tar, importOptions)
      : await importImage(store, tar, importOptions);
    return reportImages(context, [image]);
  },
};

/** The part of the image config that describes containers, from the options. @throws {VarveError} `E_USAGE` */
function containerOf(options: Options): NonNullable<ImportOptions["config"]> {
  const entrypoint = commandOption(options, "entrypoint");
  const cmd = commandOption(options, "cmd");
  const instructions = [
    ...(entrypoint === undefined ? [] : [`ENTRYPOINT ${entrypoint}`]),
    ...(cmd === undefined ? [] : [`CMD ${cmd}`]),
  ];
  const env = pairs(options, "env");
  const labels = pairs(options, "label");
  const workdir = stringOption(options, "workdir");
  const user = stringOption(options, "user");
  if (workdir !== undefined && !workdir.startsWith("/")) {
    throw new VarveError("E_USAGE", `Cannot use --workdir ${workdir}: it does not begin with /`);
  }
  return {
    ...changeConfig({}, instructions),
    env: env.size === 0 ? undefined : Array.from(env, ([name, value]) => `${name}=${value}`),
    labels: labels.size === 0 ? undefined : Object.fromEntries([...labels].sort()),
    workingDir: workdir,
    user,
  };
}

/** Whether a path is a directory. When that cannot be found out, opening the path reports why. */
async function isDirectory(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}
