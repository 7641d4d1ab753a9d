import { rebaseImage } from "../../../image/mod.ts";
import { PLATFORM_OPTION, platformChoice } from "../../images.ts";
import { DATES, IMAGE_JSON, newImageOptions } from "../../new_image.ts";
import type { Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";

/** `varve rebase`. */
export const rebase: Verb = {
  usage: "rebase <ref> <oldbase> <newbase> <destination>",
  withoutStore: "refuses",
  summary: "move an image's own layers to another base, without a new build",
  help:
    `REF must begin with the layers of OLDBASE (else exit 6). The layers and history of NEWBASE replace those
of OLDBASE. The rest of the config stays as in REF, including what REF once took from OLDBASE. Nothing is run
or unpacked: varve does not check whether the new image works.
${DATES}

${IMAGE_JSON}

Example:
  varve rebase app:1 debian:12.1 debian:12.2 app:2`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [image = "", oldBase = "", newBase = "", destination = ""], options) {
    const newOptions = {
      ...await newImageOptions(context, destination),
      ...platformChoice(options),
    };
    const store = await context.store();
    return reportImages(context, [
      await rebaseImage(store, image, { ...newOptions, oldBase, newBase }),
    ]);
  },
};
