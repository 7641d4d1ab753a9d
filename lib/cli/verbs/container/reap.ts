import { reapRuns } from "../../../container/mod.ts";
import type { Verb } from "../../verb.ts";

/** `varve reap`: the watchdog of `varve run` calls it when the process that runs a container was killed. */
export const reap: Verb = {
  usage: "reap",
  summary: "repair what runs left that were killed",
  help: "It prints nothing. 'varve run' does the same before it begins.",
  async run(context) {
    await reapRuns(await context.store(), await context.snapshotter());
    return { json: undefined, text: "" };
  },
};
