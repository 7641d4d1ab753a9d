import { appendImage } from "../../../image/mod.ts";
import { PLATFORM_OPTION, platformChoice } from "../../images.ts";
import { DATES, IMAGE_JSON, newImageOptions, tarSource } from "../../new_image.ts";
import type { Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";

/** `varve append`. */
export const append: Verb = {
  usage: "append <ref> <tar> <destination>",
  withoutStore: "refuses",
  summary: "make an image with one more layer, taken from a tar",
  help:
    `TAR is a layer tar (plain, gzip or zstd), or - for standard input. It becomes the layer unchanged, byte for
byte, and is checked like the layer of any image. Whiteouts in it (.wh.NAME) hide files of the layers below.
${DATES}

${IMAGE_JSON}

Examples:
  varve append app:1 config.tar app:2
  tar -C files -c . | varve append app:1 - app:2`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [reference = "", tar = "", destination = ""], options) {
    const source = tarSource(context, tar, "append");
    const newOptions = {
      ...await newImageOptions(context, destination),
      ...platformChoice(options),
    };
    const store = await context.store();
    return reportImages(context, [await appendImage(store, reference, source, newOptions)]);
  },
};
