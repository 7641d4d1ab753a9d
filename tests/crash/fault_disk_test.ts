/** Commands on a file system that fails at random, and loses what a failed sync was to keep. */
import { assert, assertEquals } from "@std/assert";
import { type DiskFaults, faultDisk, needsFaultDisk } from "../support/faults/fault_disk.ts";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import type { Supervisor } from "../support/faults/supervisor.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { judgeEnd } from "../torture/errno.ts";
import { afterwards } from "../torture/kill.ts";

/** Commands run inside of this process: there is nothing to supervise. */
const NOBODY: Supervisor = {
  run: () => Promise.reject(new Error("Cannot run a process here")),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Tries of each command, and the seeds of the first; `VARVE_FAULT_SEEDS=100-600` tries others. */
const [FIRST = 1, LAST = 6] = (Deno.env.get("VARVE_FAULT_SEEDS") ?? "").split("-")
  .flatMap((text) => text === "" ? [] : [Number(text)]);

for (const [verb, every] of [["load", 100]] as const) {
  Deno.test({
    name:
      `J10, P3, P6: ${verb} on a disk that fails at random succeeds whole, or says so and leaves nothing`,
    ...needsFaultDisk(),
    async fn() {
      await using temp = await tempDir("varve-fault-");
      await using disk = await faultDisk(temp.path);
      await using stage = await Stage.open(scenarioOf(verb), NOBODY, { dir: disk.path });
      const command = () => stage.scene.command(["--quiet", ...stage.scenario.command]);
      await stage.reset();
      assertEquals((await command()).code, 0);
      const undisturbed = { calls: [], facts: await stage.facts() };
      const found: string[] = [];
      const total = { writes: 0, shorts: 0, syncs: 0 };
      let failed = 0;
      for (let seed = FIRST; seed <= LAST; seed++) {
        await stage.reset();
        let faults: DiskFaults;
        let ended;
        {
          using failing = disk.fail(every, seed);
          ended = await command();
          faults = failing.faults();
        }
        for (const kind of ["writes", "shorts", "syncs"] as const) total[kind] += faults[kind];
        if (ended.code !== 0) failed++;
        await disk.remount();
        const wrong = [
          ...judgeEnd(ended.code, ended.stderr),
          ...ended.code === 0 && !sameFacts(undisturbed.facts, await stage.facts())
            ? ["it ended well, and what is there differs"]
            : [],
          ...await afterwards(stage, undisturbed),
        ];
        found.push(...wrong.map((line) => `seed ${seed}, ${JSON.stringify(faults)}: ${line}`));
      }
      assertEquals(found, []);
      assert(failed >= 2 && failed < LAST - FIRST + 1, `${failed} failed`);
      assert(total.writes + total.shorts >= 2 && total.syncs >= 1, JSON.stringify(total));
    },
  });
}

function sameFacts(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
