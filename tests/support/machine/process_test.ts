import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { run, runAny } from "./process.ts";
import { tempDir } from "./temp_dir.ts";

Deno.test("run: output, input, environment and exit code", async () => {
  const result = await run(["sh", "-c", 'cat; echo "$A" >&2'], { stdin: "in", env: { A: "b" } });
  assertEquals([result.stdout, result.stderr, result.code], ["in", "b\n", 0]);
  assertEquals((await runAny(["sh", "-c", "exit 3"])).code, 3);
  const error = await assertRejects(() => run(["sh", "-c", "echo why >&2; exit 3"]), Error);
  assertStringIncludes(error.message, "exit 3\nwhy");
});

Deno.test("run: input that the child does not read is no error", async () => {
  const result = await runAny(["true"], { stdin: new Uint8Array(1 << 20) });
  assertEquals(result.code, 0);
});

Deno.test("run: a time limit ends the child and what it started", async () => {
  await using temp = await tempDir();
  const script = 'sleep 30 & echo $! > "$1"; wait';
  const late = run(["sh", "-c", script, "sh", temp.join("pid")], { timeout: 300 });
  await assertRejects(() => late, Error, "not done after 300 ms");
  const pid = (await Deno.readTextFile(temp.join("pid"))).trim();
  const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone");
  // A killed grandchild may wait as a zombie for whoever reaps it.
  assertEquals(state === "gone" || / Z /.test(state), true, state);
});
