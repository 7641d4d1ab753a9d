/** Runs whose state cannot be read: an empty file after a power cut, or one of another version. */
import { assertEquals } from "@std/assert";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  isAlive,
  RUNTIME_NAMES,
  startContainer,
  waitUntilGone,
  watchdogsOf,
} from "../support/peers/container_fixture.ts";

const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });

for (const runtime of RUNTIME_NAMES) {
  const on = ["--runtime", runtime];

  Deno.test({
    name: `run (${runtime}): a run whose state is damaged is shown, and cleaned up when it is dead`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve } = fixture;
      const held = await startContainer(fixture, "held", [...on, BOX, "--", "sleep", "99"]);
      await Deno.truncate(`${held.directory}/state.json`);
      const shown = async () =>
        (await varve.json(["ps"])).map((
          { key, status, pid }: Record<"key" | "status" | "pid", unknown>,
        ) => [key, status, pid]);
      assertEquals(await shown(), [["held", "damaged", held.first]]);
      assertEquals(await varve.text(["run", "--rm", "--name", "other", ...on, BOX]), "cmd\n");
      const busy = await varve.any(["run", "--name", "held", ...on, BOX]);
      assertEquals([busy.code, /is running/.test(busy.stderr)], [125, true]);
      assertEquals((await varve.any(["commit", "held", "new:1"])).code, 3);

      for (const pid of await watchdogsOf(held.directory)) Deno.kill(pid, "SIGKILL");
      held.child.kill("SIGKILL");
      await Promise.all([
        held.child.status,
        held.child.stdout.cancel(),
        held.child.stderr.cancel(),
      ]);
      assertEquals(await isAlive(held.first), true);
      assertEquals(await varve.text(["run", "--name", "held", ...on, BOX]), "cmd\n");
      await waitUntilGone(fixture, [held.id]);
      assertEquals(await isAlive(held.first), false);
      assertEquals(await shown(), [["held", "exited", null]]);
    },
  });
}
