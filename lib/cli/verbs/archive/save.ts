import { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "../../../archive/mod.ts";
import { VarveError } from "../../../errors.ts";
import { addCompressionOptions, compressionOf } from "../../compression.ts";
import type { Context } from "../../context.ts";
import { formatBytes, type ProgressItem } from "../../display/progress.ts";
import { hostPlatform, platformOption } from "../../images.ts";
import { STREAMED, stringOption, type Verb } from "../../verb.ts";

/** `varve save`. */
export const save: Verb = {
  usage: "save <ref...>",
  summary: "save images as one tar that docker, podman, skopeo and containerd load",
  help:
    `The tar is an OCI layout and a docker-archive at once, and byte for byte the same on every machine.
Without -o it goes to standard output.

An index is saved as it is, with all of its platforms, which must be here; --platform saves one of them.

With --compression, layers that are not compressed yet (as those of a commit) are compressed into the
store, the same on every machine; the new manifest's digest is told on standard error.

JSON (with -o or --oci-dir): {"saved":[REF],"to","manifests":{NAME:DIGEST}} of new manifests

Examples:
  varve save debian:12 -o debian.tar
  varve save app:1 app:2 | zstd > apps.tar.zst
  varve save app:1 --oci-dir ./layout`,
  configure(command) {
    command
      .option("-o, --output <file>", "write to a file")
      .option("--oci-dir <dir>", "write an OCI layout directory");
    command.option(
      "--platform <platform>",
      "only the image of an index for it, such as linux/arm64",
    );
    addCompressionOptions(command);
  },
  async run(context, references, options) {
    const output = stringOption(options, "output");
    const directory = stringOption(options, "ociDir");
    if (output !== undefined && directory !== undefined) {
      throw new VarveError("E_USAGE", "Cannot save to a file and a directory at once");
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
        if (!context.options.quiet) context.io.stderr(`${name}  manifest ${target.digest}\n`);
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
    onProgress: (written, total) => {
      item ??= context.progress.start("saving", total);
      if (written === total) item.done(formatBytes(total));
      else item.update(written);
    },
  };
}
