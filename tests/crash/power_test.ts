/**
 * Losses of power, replayed from the record of a disk. `deno task torture --mode power` cuts more often, and on more
 * file systems.
 */
import { assert, assertEquals } from "@std/assert";
import { DISKS, needsBlockLog } from "../support/faults/block_log.ts";
import { buildSupervisor } from "../support/faults/supervisor.ts";
import { cutPower } from "../torture/power.ts";
import { needsShutdown, shutDownDisks } from "../torture/shutdown.ts";

const CUTS = 8;

for (const disk of DISKS) {
  Deno.test({
    name: `J06, J07, P3: a loss of power on ${disk.name} takes nothing that a command had reported`,
    ...needsBlockLog(disk),
    fn: async () => {
      const result = await cutPower(disk, { durability: "full", cuts: CUTS, seed: 1 });
      assertEquals(result.findings, []);
      assert(result.cuts > 0, "no cut came after the end of a command");
    },
  });
}

const [first] = DISKS as [typeof DISKS[number]];
Deno.test({
  name: `J06, P4: without durability each loss on ${first.name} is told`,
  ...needsBlockLog(first),
  fn: async () => {
    const result = await cutPower(first, { durability: "none", cuts: CUTS, seed: 1 });
    assertEquals(result.findings, []);
    assert(result.lost > 0, "nothing was lost: the method cannot fail");
  },
});

Deno.test({
  name:
    "J06, P3: a file system that is shut down before a call loses nothing that a command had reported",
  ...needsShutdown(first),
  fn: async () => {
    await using supervisor = await buildSupervisor();
    const options = { durability: "full", cuts: 3, seed: 1 } as const;
    const result = await shutDownDisks(first, options, supervisor);
    assertEquals(result.findings, []);
    assert(result.cuts > 0, "no cut came after the end of a command");
  },
});
