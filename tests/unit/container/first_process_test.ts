import { assertEquals } from "@std/assert";
import { isStopped } from "../../../lib/container/first_process.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";

/** Makes a child by vfork(2), which opens a FIFO before it becomes another program. */
const SCRIPT = `import os, sys
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[
  (os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)])
`;

function stateOf(pid: number): string | undefined {
  return /^State:\s*(.)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
}

Deno.test({
  name: "a process that waits for a child by vfork counts as stopped once it is told to stop",
  ...needs({ root: true, tools: ["python3", "mkfifo"] }),
  async fn() {
    await using temp = await tempDir();
    const fifo = temp.join("fifo");
    await run(["mkfifo", fifo]);
    const child = new Deno.Command("python3", { args: ["-c", SCRIPT, fifo] }).spawn();
    try {
      const { pid } = child;
      const children = `/proc/${pid}/task/${pid}/children`;
      await waitUntil(
        "the vfork",
        async () => await Deno.readTextFile(children) !== "" && stateOf(pid) === "D",
      );
      assertEquals(isStopped(pid), false);
      child.kill("SIGSTOP");
      await waitUntil("the request to stop", () => isStopped(pid));
      assertEquals(stateOf(pid), "D");
      // The child goes on.
      (await Deno.open(fifo, { write: true })).close();
      await waitUntil("the stop", () => stateOf(pid) === "T");
      assertEquals(isStopped(pid), true);
    } finally {
      // A child that waits still goes on.
      (await Deno.open(fifo, { read: true, write: true })).close();
      child.kill("SIGKILL");
      await child.status;
    }
  },
});
