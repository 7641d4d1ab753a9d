import { assertEquals } from "@std/assert";
import "../support/machine/needs.ts";
import { killAtRandom } from "../torture/random.ts";

Deno.test("J05, P1, P5: writers and a collection of garbage, killed at random, leave no damage", async () => {
  assertEquals(await killAtRandom(15, 1), []);
});
