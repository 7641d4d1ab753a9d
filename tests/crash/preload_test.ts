/** Commands in one process, whose syncs and renames fail one after the other: a fast loop. */
import { assert, assertEquals } from "@std/assert";
import { buildPreload } from "../support/faults/preload.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import type { PreloadReport, PreloadTask } from "./preload_child.ts";

const CHILD = new URL("./preload_child.ts", import.meta.url).pathname;

for (const [verb, every] of [["load", 6], ["commit", 7], ["save -o", 1], ["rmi", 3]] as const) {
  const mounts = verb === "commit";
  Deno.test({
    name: `J03, P1, P2, P6: ${verb}, a sync or rename of which fails, says so and works again`,
    ...needs({ tools: ["gcc"], root: mounts, mount: mounts }),
    async fn() {
      await using temp = await tempDir("varve-preload-");
      const dir = temp.join("scenes");
      await Deno.mkdir(dir);
      const env = await buildPreload(temp.path, dir);
      const task: PreloadTask = { dir, verb, every };
      const { stdout } = await run(
        [Deno.execPath(), "run", "-A", "--no-check", CHILD, JSON.stringify(task)],
        { env },
      );
      const { calls, failed, tried, found }: PreloadReport = JSON.parse(stdout);
      assertEquals(found, []);
      assert(calls.sync >= 2 && calls.rename >= 1, `only ${JSON.stringify(calls)}`);
      // SQLite goes on after some errors, and what is not in the trash yet goes there later.
      assert(
        failed.sync >= 1 && (failed.rename >= 1 || verb === "rmi"),
        `failed only ${JSON.stringify(failed)}`,
      );
      assert(tried >= (calls.sync + calls.rename) / every, `only ${tried} of them`);
    },
  });
}
