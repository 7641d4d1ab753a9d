import { assertEquals, assertStringIncludes } from "@std/assert";
import { BUSY_LOOP } from "../busy/loops.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";

const MAIN = new URL("../busy/main.ts", import.meta.url).pathname;

/** A test that passes once, and only beside the loops. */
const TEST = `
const marker = new URL("./marker", import.meta.url);
Deno.test("once", async () => {
  await Deno.writeTextFile(marker, "", { createNew: true });
  const { stdout } = await new Deno.Command("pgrep", { args: ["-fc", ${
  JSON.stringify(BUSY_LOOP)
}] }).output();
  const loops = Number(new TextDecoder().decode(stdout));
  if (loops < 2 * navigator.hardwareConcurrency) throw new Error(loops + " loops");
});
`;

/** Which of these processes are busy loops. */
function loopsAmong(pids: readonly string[]): string[] {
  return pids.filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(BUSY_LOOP);
    } catch {
      // It has ended.
      return false;
    }
  });
}

Deno.test({
  name: "the busy task runs tests beside its loops until a run fails, and ends the loops",
  ...needs({ tools: ["pgrep"] }),
  fn: async () => {
    await using temp = await tempDir();
    await Deno.writeTextFile(temp.join("a_test.ts"), TEST);
    const command = [
      Deno.execPath(),
      "run",
      "-A",
      MAIN,
      "5",
      "--no-config",
      temp.join("a_test.ts"),
    ];
    const { code, stdout } = await runAny(command, { env: { NO_COLOR: "1" } });
    assertEquals(code, 1, stdout);
    assertStringIncludes(stdout, "Busy run 1 of 5: exit 0");
    assertStringIncludes(stdout, "Busy run 2 of 5: exit 1");
    const pids = /^[0-9]+ busy loops on [0-9]+ cores: (.*)$/m.exec(stdout)?.[1]?.split(" ") ?? [];
    assertEquals(pids.length, 2 * navigator.hardwareConcurrency);
    await waitUntil("the end of the loops", () => loopsAmong(pids).length === 0);
  },
});
