/**
 * `deno task guards [WORD]`: takes each guard out in turn (those whose file or text has WORD), in a copy of the
 * tree, and proves that its test then fails. A guard that no test needs is an error: it is dead, or untested.
 */
// deno-lint-ignore-file no-console
import { type Guard, GUARDS } from "./guards.ts";

const PROJECT = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");
const COPIED = ["deno.json", "deno.lock", "mod.ts", "lib", "workers", "tests"];

/** Whether a test file passes in the copy. */
async function passes(copy: string, test: string): Promise<boolean> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", test],
    cwd: copy,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return code === 0;
}

/** Whether the test of a guard fails in the copy, without the guard. */
async function isNeeded(copy: string, { file, text, without, test }: Guard): Promise<boolean> {
  const path = `${copy}/${file}`;
  const whole = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, whole.replace(text, () => without));
  try {
    return !await passes(copy, test);
  } finally {
    await Deno.writeTextFile(path, whole);
  }
}

async function main([word = ""]: readonly string[]): Promise<number> {
  const chosen = GUARDS.filter(({ file, text }) => file.includes(word) || text.includes(word));
  const copy = await Deno.makeTempDir({ prefix: "varve-guards-" });
  let useless = 0;
  try {
    const from = COPIED.map((name) => `${PROJECT}/${name}`);
    const { code } = await new Deno.Command("cp", { args: ["-a", ...from, copy] }).output();
    if (code !== 0) throw new Error(`Cannot copy the tree to ${copy}`);
    // A test that fails anyway proves nothing.
    for (const test of new Set(chosen.map(({ test }) => test))) {
      if (!await passes(copy, test)) {
        throw new Error(`Cannot judge guards by ${test}: it fails with all of them`);
      }
    }
    for (const guard of chosen) {
      const is = await isNeeded(copy, guard);
      if (!is) useless++;
      console.log(
        `${is ? "needed   " : "NOT NEEDED"} ${guard.file}: ${guard.text} (${guard.test})`,
      );
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
  console.log(`${chosen.length} guards: ${chosen.length - useless} are needed, ${useless} are not`);
  return useless > 0 || chosen.length === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
