import { squashImage } from "../../../image/mod.ts";
import { DATES, IMAGE_JSON, newImageOptions } from "../../new_image.ts";
import type { Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";

/** `varve squash`. */
export const squash: Verb = {
  usage: "squash <ref> <destination>",
  summary: "make an image with one layer of all layers of another",
  help:
    `The layer holds what a container of the image sees, and nothing of what upper layers hide; the same
image gives the same layer on any machine. The config stays. The steps of the history stay as such
that made no layer, with one more for the new layer. ${DATES}

${IMAGE_JSON}

Example:
  varve squash app:1 app:small`,
  async run(context, [reference = "", destination = ""]) {
    const options = await newImageOptions(context, destination);
    return reportImages(context, [await squashImage(await context.store(), reference, options)]);
  },
};
