import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { run, runAny } from "./process.ts";
import { tempDir } from "./temp_dir.ts";
import { waitUntil } from "./wait.ts";

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
  const script = 'sleep 600 & echo $! > "$1.new"; mv "$1.new" "$1"; wait';
  const file = temp.join("pid");
  // A busy machine may not even start the grandchild in so short a time: then there is a longer one.
  for (let timeout = 200;; timeout *= 2) {
    const late = run(["sh", "-c", script, "sh", file], { timeout });
    await assertRejects(() => late, Error, `not done after ${timeout} ms`);
    if (await Deno.stat(file).catch(() => null) !== null) break;
  }
  const pid = (await Deno.readTextFile(file)).trim();
  await waitUntil("the end of the grandchild", async () => {
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone");
    // It may be a zombie until its new parent reaps it.
    return state === "gone" || / Z /.test(state);
  });
});
