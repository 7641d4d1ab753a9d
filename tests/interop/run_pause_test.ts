/** Pausing a container, as commit does: its files stand still, and it goes on afterwards. */
import { assertEquals, assertRejects } from "@std/assert";
import { pauseContainer } from "../../lib/container/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { openStore } from "../../lib/store/mod.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { waitUntil } from "../support/machine/wait.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  isAlive,
  RUNTIME_NAMES,
  startContainer,
  waitUntilGone,
} from "../support/peers/container_fixture.ts";

const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });

/** Writes without end, from two processes. */
const WRITER = "(while :; do echo b >>/log; done) & while :; do echo a >>/log; sleep 0.001; done";

for (const runtime of RUNTIME_NAMES) {
  Deno.test({
    name:
      `pause (${runtime}): a paused container writes nothing until it resumes; a kill meanwhile leaves nothing`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve, root } = fixture;
      const args = ["--runtime", runtime, BOX, "--", "sh", "-c", WRITER];
      const running = await startContainer(fixture, "writer", args);
      await using store = await openStore({ root, durability: "none" });
      const log = `${running.directory}/rootfs/log`;
      const size = async () => (await Deno.stat(log).catch(() => undefined))?.size ?? 0;
      await waitUntil("the first line", async () => await size() > 0);

      const paused = await pauseContainer(store, "writer");
      const before = await size();
      assertEquals((await varve.json(["ps"]))[0].status, "paused");
      assertEquals(await size(), before);
      const twice = await assertRejects(() => pauseContainer(store, "writer"), VarveError);
      assertEquals(twice.code, "E_PRECONDITION");
      await paused?.[Symbol.asyncDispose]();
      assertEquals((await varve.json(["ps"]))[0].status, "running");
      await waitUntil("more lines", async () => await size() > before);

      await pauseContainer(store, "writer");
      running.child.kill("SIGKILL");
      await running.child.output();
      await waitUntilGone(fixture, [running.id]);
      assertEquals(await isAlive(running.first), false);
      assertEquals(await pauseContainer(store, "writer"), null);
    },
  });
}
