import { loadImages } from "../../../archive/mod.ts";
import { VarveError } from "../../../errors.ts";
import { hostPlatform } from "../../../store/mod.ts";
import { parseArchiveSource } from "../../archive_source.ts";
import { platformOption } from "../../images.ts";
import { MOUNT_OPTION, prepareMount } from "../../mount_option.ts";
import { reportImages } from "../../report_images.ts";
import { readingOptions } from "../../sources/reading_options.ts";
import { stringOption, type Verb } from "../../verb.ts";

/** `varve load`. */
export const load: Verb = {
  usage: "load <source>",
  withoutStore: "makes",
  summary: "load images from an archive, an OCI layout or standard input (-)",
  help:
    `SOURCE is a docker-archive or an OCI layout, as a tar (plain, gzip or zstd) or a directory, or - for
standard input. Every byte is verified: blobs against their digests, layers against their diffIDs.
All images of the archive become visible together, or not at all.

skopeo's names work as well: oci:DIR, oci-archive:FILE and docker-archive:FILE. A colon and a name after them
load the one image that has this name in the archive.

--mount does the same as a 'varve mount' afterwards, without a second start of the program. The directory
is checked before anything is loaded.

JSON: {"images":[{"name","names","imageId","manifest","chainId","layers":[{"digest","diffId",
"chainId","size","uncompressedSize","cacheId","processed"}]}]}; with --mount also "mounted", as in mount

Examples:
  varve load app.tar
  varve load ./layout --name app:1
  varve load oci:./layout:1.0 --name app:1
  zstd -dc app.tar.zst | varve load -`,
  configure(command) {
    command
      .option("--name <ref>", "name for the image, instead of its names in the archive")
      .option("--platform <platform>", "load only this platform of an index, such as linux/arm64")
      .option(...MOUNT_OPTION);
  },
  async run(context, [source = ""], options) {
    const { path, image, form } = parseArchiveSource(source);
    if (path === "-" && context.io.isTerminal("stdin")) {
      throw new VarveError("E_USAGE", "Cannot load from a terminal: give a file or a pipe");
    }
    const name = stringOption(options, "name");
    const platform = platformOption(stringOption(options, "platform"));
    const store = await context.store();
    const mount = await prepareMount(context, stringOption(options, "mount"));
    const images = await loadImages(store, path === "-" ? context.io.stdin() : path, {
      ...await readingOptions(context, store),
      host: hostPlatform(),
      onWarning: (message) => context.warn(message),
      name,
      platform,
      image,
      form,
    });
    return reportImages(context, images, await mount.finish(images));
  },
};
