import { rebaseImage } from "../../../image/mod.ts";
import { DATES, IMAGE_JSON, newImageOptions } from "../../new_image.ts";
import type { Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";

/** `varve rebase`. */
export const rebase: Verb = {
  usage: "rebase <ref> <oldbase> <newbase> <destination>",
  summary: "put an image's own layers on another base, without building it again",
  help:
    `REF must begin with the layers of OLDBASE (else exit 6); they give way to those of NEWBASE, and so does
the history. The rest of the config stays REF's, also what it once took from OLDBASE. Nothing is run
or unpacked: whether the result works is for you to know. ${DATES}

${IMAGE_JSON}

Example:
  varve rebase app:1 debian:12.1 debian:12.2 app:2`,
  async run(context, [image = "", oldBase = "", newBase = "", destination = ""]) {
    const options = await newImageOptions(context, destination);
    const store = await context.store();
    return reportImages(context, [await rebaseImage(store, { image, oldBase, newBase }, options)]);
  },
};
