/**
 * varve and containerd are killed at random moments while containerd imports, runs and collects. The long form is
 * `deno task torture --mode containerd --seed N --kills 200`.
 */
import { assert, assertEquals } from "@std/assert";
import { needs } from "../../support/machine/needs.ts";
import {
  type ContainerdKills,
  killServed,
  NEEDS_CONTAINERD as NEEDS,
} from "../../torture/containerd.ts";

const SEED = 1;

async function kill(options: Omit<ContainerdKills, "seed">): Promise<void> {
  const { findings, failed } = await killServed({ ...options, seed: SEED });
  assertEquals(findings, [], `seed ${SEED}`);
  assert(failed > 0, "no kill came while a command ran");
}

Deno.test({
  name: "killed at 10 moments, varve hurts no container, and each command succeeds afterwards",
  ...needs(NEEDS),
  fn: () => kill({ victim: "varve", kills: 10 }),
});

Deno.test({
  name: "the same at 10 moments with an inherited socket",
  ...needs(NEEDS),
  fn: () => kill({ victim: "varve", kills: 10, inherited: true }),
});

Deno.test({
  name: "containerd is killed at 10 moments, and varve has what it had",
  ...needs(NEEDS),
  fn: () => kill({ victim: "containerd", kills: 10 }),
});
