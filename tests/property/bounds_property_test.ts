/** Random commands on one store. `deno task torture --mode bounds` runs a thousand of them. */
import { assert, assertEquals } from "@std/assert";
import "../support/machine/needs.ts";
import { playBounds } from "../torture/bounds.ts";

Deno.test("random commands never take a store beyond roots, bounds and trash", async () => {
  const { findings, done } = await playBounds({ commands: 60, seed: 1 });
  assertEquals(findings, []);
  assert((done["load"] ?? 0) > 0 && (done["rmi"] ?? 0) > 0);
});
