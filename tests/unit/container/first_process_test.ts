import { assertEquals, assertMatch } from "@std/assert";
import { isStopped } from "../../../lib/container/first_process.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";

/** Makes a child by vfork(2), in the first thread or in another one. The child opens a FIFO before it runs a program. */
const SPAWN = `import os, sys, threading
def spawn():
  os.posix_spawn("/bin/true", ["true"], {}, file_actions=[
    (os.POSIX_SPAWN_OPEN, 0, sys.argv[2], os.O_RDONLY, 0)])
if sys.argv[1] == "first": spawn()
else: threading.Thread(target=spawn).start(); threading.Event().wait()
`;

/** Writes without end, in a second thread; each write is long. */
const WRITE = `import os, sys, threading
def write():
  with open(sys.argv[1], "wb", buffering=0) as file:
    data = bytes(64 << 20)
    while True: os.pwrite(file.fileno(), data, 0)
threading.Thread(target=write).start()
threading.Event().wait()
`;

/** Letters of the states of all threads of a process. */
function statesOf(pid: number): string {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const status = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
    return /^State:\s*(.)/m.exec(status)?.[1] ?? "";
  }).sort().join("");
}

function python(script: string, ...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("python3", { args: ["-c", script, ...args] }).spawn();
}

for (const [thread, states] of [["first", "D"], ["second", "DT"]] as const) {
  Deno.test({
    name:
      `a process whose ${thread} thread waits for a child by vfork has stopped when it is told to`,
    ...needs({ root: true, tools: ["python3", "mkfifo"] }),
    async fn() {
      await using temp = await tempDir();
      const fifo = temp.join("fifo");
      await run(["mkfifo", fifo]);
      const child = python(SPAWN, thread, fifo);
      try {
        const { pid } = child;
        await waitUntil("the vfork", () => hasChild(pid) && statesOf(pid).startsWith("D"));
        assertEquals(isStopped(pid), false);
        child.kill("SIGSTOP");
        await waitUntil("the request to stop", () => isStopped(pid));
        await waitUntil("the stop of other threads", () => statesOf(pid) === states);
        assertEquals(isStopped(pid), true);
        // The child goes on.
        (await Deno.open(fifo, { write: true })).close();
        await waitUntil("the stop", () => /^T+$/.test(statesOf(pid)));
        assertEquals(isStopped(pid), true);
      } finally {
        // A child that waits still goes on.
        (await Deno.open(fifo, { read: true, write: true })).close();
        child.kill("SIGKILL");
        await child.status;
      }
    },
  });
}

Deno.test({
  name: "a process has not stopped while one of its threads still writes",
  ...needs({ root: true, tools: ["python3"] }),
  async fn() {
    await using temp = await tempDir();
    const file = temp.join("file");
    const child = python(WRITE, file);
    try {
      const { pid } = child;
      const size = async () => (await Deno.stat(file).catch(() => undefined))?.size ?? 0;
      await waitUntil("the first write", async () => await size() > 0);
      for (let i = 0; i < 10; i++) {
        child.kill("SIGSTOP");
        await waitUntil("the stop", () => isStopped(pid));
        assertMatch(statesOf(pid), /^T+$/);
        child.kill("SIGCONT");
        await waitUntil("the end of the stop", () => !isStopped(pid));
      }
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  },
});

/** Whether a thread of a process has a child. */
function hasChild(pid: number): boolean {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].some(({ name }) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`) !== ""
  );
}
