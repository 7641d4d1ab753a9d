import { reapRuns } from "../../../container/mod.ts";
import type { Verb } from "../../verb.ts";

/** `varve reap`. The watchdog of `varve run` calls it when `varve run` was killed. */
export const reap: Verb = {
  usage: "reap",
  withoutStore: "lists nothing",
  summary: "repair what killed runs left behind",
  help: "It prints nothing. 'varve run' does the same when it starts.",
  async run(context) {
    const store = await context.storeIfAny();
    if (store !== undefined) await reapRuns(store, await context.snapshotter());
    return { json: undefined, text: "" };
  },
};
