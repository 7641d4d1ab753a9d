import { reapRuns } from "../../../container/mod.ts";
import type { Verb } from "../../verb.ts";

/** `varve reap`. The watchdog of `varve run` calls it when `varve run` was killed. */
export const reap: Verb = {
  usage: "reap",
  withoutStore: "lists nothing",
  summary: "repair what killed runs left behind",
  help: "'varve run' makes the same repairs when it starts. This command prints nothing.",
  async run(context) {
    const store = await context.storeIfAny();
    if (store !== undefined) await reapRuns(store, await context.snapshotter());
    return { json: undefined, text: "" };
  },
};
