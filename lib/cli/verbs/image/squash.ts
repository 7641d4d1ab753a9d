import { squashImage } from "../../../image/mod.ts";
import { PLATFORM_OPTION, platformChoice } from "../../images.ts";
import { DATES, IMAGE_JSON, newImageOptions } from "../../new_image.ts";
import type { Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";

/** `varve squash`. */
export const squash: Verb = {
  usage: "squash <ref> <destination>",
  withoutStore: "refuses",
  summary: "merge all layers of an image into one, as a new image",
  help:
    `The new layer holds only the files that a container of the image sees, not those that upper layers hide.
The same image gives the same layer on any machine. The config stays. The history keeps its steps, now
without layers, and gets one more step for the new layer.
${DATES}

${IMAGE_JSON}

Example:
  varve squash app:1 app:small`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [reference = "", destination = ""], options) {
    const newOptions = {
      ...await newImageOptions(context, destination),
      ...platformChoice(options),
    };
    return reportImages(context, [await squashImage(await context.store(), reference, newOptions)]);
  },
};
