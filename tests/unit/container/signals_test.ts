import { assertEquals, assertRejects } from "@std/assert";
import { endOf } from "../../../lib/container/signals.ts";
import { needs } from "../../support/machine/needs.ts";
import { waitUntil } from "../../support/machine/wait.ts";

const bash = needs({ tools: ["bash"] });

/** How a process ends that sends itself a signal. */
async function endBy(signal: string): Promise<unknown> {
  const child = new Deno.Command("bash", { args: ["-c", `kill -${signal} $$`] }).spawn();
  return await endOf(child);
}

Deno.test({
  name: "the end of a process has the exit code that a shell reports, for each signal",
  ...bash,
  // After an unknown signal, Deno keeps the resource of the process.
  sanitizeResources: false,
  async fn() {
    assertEquals(await endBy("KILL"), { code: 137, signal: "SIGKILL" });
    assertEquals(await endBy("SYS"), { code: 159, signal: "SIGSYS" });
    // A real-time signal.
    assertEquals(await endBy("40"), { code: 168, signal: "40" });
    const child = new Deno.Command("bash", { args: ["-c", "exit 7"] }).spawn();
    assertEquals(await endOf(child), { code: 7, signal: null });
  },
});

Deno.test("an error that is not about a signal stays what it is", async () => {
  const status = Promise.reject(new TypeError("other"));
  await assertRejects(() => endOf({ status }), TypeError, "other");
});

/** Sends a signal to a process that may have ended. */
function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

Deno.test({
  name: "an impatient user kills a container that SIGTERM has not ended yet",
  ...needs({}),
  async fn() {
    const script = new URL("./signals_child.ts", import.meta.url).pathname;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-lock", "--config", config, script],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    let said = "";
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) said += text;
    })();
    try {
      await waitUntil("the start", () => said.includes("ready"));
      child.kill("SIGTERM");
      await waitUntil("SIGTERM", () => said.includes("SIGTERM"));
      await waitUntil("the kill", () => {
        send(child, "SIGINT");
        return said.includes("kill");
      });
    } finally {
      send(child, "SIGKILL");
      await Promise.all([child.status, reading]);
    }
    assertEquals(said, "ready\nSIGTERM\nkill\n");
  },
});
