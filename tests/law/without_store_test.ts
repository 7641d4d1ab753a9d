import { assertEquals } from "@std/assert";
import { GROUPS, INTERNAL_VERBS, VERBS } from "../../lib/cli/catalog.ts";
import type { Verb } from "../../lib/cli/verb.ts";
import { WITHOUT_STORE } from "../support/cli/without_store_rows.ts";

/** The verbs of the catalogue by name. */
async function catalogue(): Promise<Map<string, Verb>> {
  const verbs = new Map<string, Verb>();
  for (const [name, read] of Object.entries({ ...VERBS, ...INTERNAL_VERBS })) {
    verbs.set(name, await read());
  }
  for (const [group, { verbs: read }] of Object.entries(GROUPS)) {
    for (const verb of await read()) verbs.set(`${group} ${verb.usage.split(" ", 1)}`, verb);
  }
  return verbs;
}

Deno.test("each verb of the catalogue has a row that says what it does without a store", async () => {
  const verbs = await catalogue();
  assertEquals(Object.keys(WITHOUT_STORE).sort(), [...verbs.keys()].sort());
  for (const [name, verb] of verbs) {
    for (const [rule, ...args] of WITHOUT_STORE[name] ?? []) {
      const { withoutStore } = verb;
      const words = args.filter((arg) => !arg.startsWith("--"));
      assertEquals(
        typeof withoutStore === "function" ? withoutStore(words) : withoutStore,
        rule,
        name,
      );
    }
  }
});
