import { assertEquals, assertRejects } from "@std/assert";
import { endOf } from "../../../lib/container/signals.ts";
import { needs } from "../../support/machine/needs.ts";

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
