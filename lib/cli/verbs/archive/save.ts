import { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "../../../archive/mod.ts";
import { escapeText, formatBytes } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { addCompressionOptions, compressionOf } from "../../compression.ts";
import type { Context } from "../../context.ts";
import type { ProgressItem } from "../../display/progress.ts";
import { hostPlatform } from "../../../store/mod.ts";
import { platformOption } from "../../images.ts";
import { outputOption, STREAMED, stringOption, type Verb } from "../../verb.ts";

/** `varve save`. */
export const save: Verb = {
  usage: "save <ref...>",
  withoutStore: "refuses",
  summary: "save images as one tar that docker, podman, skopeo and containerd can load",
  help:
    `The tar is both an OCI layout and a docker-archive. It is byte for byte the same on every machine.
Without -o it goes to standard output. A symbolic link as FILE or DIR is refused.

In the layout an image has its tag as its name, as in that of 'docker save': skopeo and umoci read oci:DIR:TAG and
oci-archive:FILE:TAG. In the docker-archive it has its full name.

If DIR is an OCI layout already, the images are added to it: a name that it has gets the new image, and all else
stays. The new names appear when all that they need is there.

An index is saved unchanged, with all of its platforms. If one of them is not in the store, save fails;
--platform saves a single one.

--compression compresses the layers that are not compressed yet, such as those of a commit. The result is
the same on every machine. It stays in the store, and the digest of the new manifest is printed on
standard error.

JSON (with -o or --oci-dir): {"saved":[REF],"to","manifests":{NAME:DIGEST}}; manifests has only new ones

Examples:
  varve save debian:12 -o debian.tar
  varve save app:1 app:2 | zstd > apps.tar.zst
  varve save app:1 --oci-dir ./layout`,
  configure(command) {
    command
      .option("-o, --output <file>", "write to a file; - is standard output")
      .option("--oci-dir <dir>", "write an OCI layout directory, or add to one");
    command.option(
      "--platform <platform>",
      "save only this platform of an index, such as linux/arm64",
    );
    addCompressionOptions(command);
  },
  async run(context, references, options) {
    const output = outputOption(options);
    const directory = stringOption(options, "ociDir");
    if (options["output"] !== undefined && directory !== undefined) {
      throw new VarveError(
        "E_USAGE",
        "Cannot save to a file and a directory at once: give either -o or --oci-dir",
      );
    }
    const toTerminal = output === undefined && directory === undefined &&
      context.io.isTerminal("stdout");
    if (toTerminal) {
      throw new VarveError("E_USAGE", "Cannot save to a terminal: give -o FILE or a pipe");
    }
    const platform = platformOption(stringOption(options, "platform"));
    const store = await context.store();
    const manifests: Record<string, string> = Object.create(null);
    const compression = await compressionOf(context, options);
    const saveOptions: SaveOptions = {
      ...optionsOf(context),
      compression,
      platform,
      onManifest: ({ name, target }) => {
        manifests[name] = target.digest;
        context.say(`${escapeText(name)}  manifest ${target.digest}`);
      },
    };
    if (directory !== undefined) await saveToDirectory(store, references, directory, saveOptions);
    else if (output !== undefined) await saveToFile(store, references, output, saveOptions);
    else {
      for await (const chunk of await saveImages(store, references, saveOptions)) {
        await context.io.stdout(chunk);
      }
      return STREAMED;
    }
    const to = directory ?? output;
    return { json: { saved: references, to, manifests }, text: `${to}\n` };
  },
};

function optionsOf(context: Context): SaveOptions {
  let item: ProgressItem | undefined;
  return {
    host: hostPlatform(),
    signal: context.signal,
    onWait: (message) => context.tellWait(message),
    onProgress: (written, total) => {
      item ??= context.progress.start("saving", total);
      if (written === total) item.done(formatBytes(total));
      else item.update(written);
    },
  };
}
