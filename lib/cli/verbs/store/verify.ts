import { verifyImage } from "../../../upkeep/mod.ts";
import type { Verb } from "../../verb.ts";
import { deepOptions, reportOf } from "./fsck.ts";

/** `varve verify`. */
export const verify: Verb = {
  usage: "verify <ref>",
  withoutStore: "refuses",
  summary: "check every byte of an image",
  help:
    `Does for one image what 'varve fsck --deep' does for the store: reads its documents, blobs, layers and trees, the
images and directories that were derived from them, and compares digests and rows. All platforms that are here are
checked. Changes nothing.

Exit code 0: nothing is damaged. 3: something is, one line each.

JSON: as in fsck

Example:
  varve verify debian:12`,
  async run(context, [ref = ""]) {
    const store = await context.store();
    return reportOf(await verifyImage(store, ref, await deepOptions(context, true)), true);
  },
};
