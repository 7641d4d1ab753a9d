/**
 * Processes that use one store together. `deno task torture --mode processes` lets two to eight do so for five
 * minutes.
 */
import { assert, assertEquals } from "@std/assert";
import { needs } from "../support/machine/needs.ts";
import { useTogether } from "../torture/processes.ts";

Deno.test({
  name:
    "J13, P5: processes load, mount, run, commit, remove and collect together: none finds damage",
  ...needs({ root: true, mount: true, tools: ["busybox"] }),
  fn: async () => {
    const { findings, done } = await useTogether({ seconds: 4, seed: 1, processes: 3 });
    assertEquals(findings, []);
    assert(Object.keys(done).length > 0);
  },
});
