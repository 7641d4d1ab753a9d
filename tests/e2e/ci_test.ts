import { assertEquals, assertMatch } from "@std/assert";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const SCRIPT = new URL("../../.ci/run", import.meta.url).pathname;

/**
 * Runs the script of continuous integration with a Deno that only pretends: `cases` are lines of
 * a shell `case` over its arguments. Everything that is not named succeeds in silence.
 */
async function pretend(cases: string): Promise<{ code: number; last: string; text: string }> {
  await using temp = await tempDir();
  const programs: Record<string, string> = {
    npx: `shift 2; case "$*" in ${cases} *) ;; esac`,
    "dpkg-query": `printf 'install ok installed'`,
    "apt-get": `echo must not install; exit 1`,
  };
  for (const [name, body] of Object.entries(programs)) {
    await Deno.writeTextFile(temp.join(name), `#!/bin/sh\n${body}\n`);
    await Deno.chmod(temp.join(name), 0o755);
  }
  const { code, stdout } = await runAny([SCRIPT], { env: { PATH: `${temp.path}:/usr/bin:/bin` } });
  return { code, last: stdout.trimEnd().split("\n").at(-1) ?? "", text: stdout };
}

/** Steps of the script that are counted as one each. */
const STEPS = 11;

const GREEN = `"task test") echo 'ok | 11 passed (8 steps) | 0 failed (79ms)' ;;`;

/** The arguments of the step that bundles the program. */
const BUNDLING = `"run -A tests/support/compile/bundle_main.ts "*`;

Deno.test("ci: the tests run the bundled program", async () => {
  const tests = `"task test") echo "ok | 11 passed | 0 failed (1s), $VARVE_TEST_PROGRAM" ;;`;
  const { code, text } = await pretend(`${BUNDLING}) echo "$4/main.js" ;; ${tests}`);
  assertEquals(code, 0, text);
  assertMatch(text, /^ok \| 11 passed .*, \/tmp\/[^/]+\/main\.js$/m);
});

Deno.test("ci: steps and tests are counted", async () => {
  const { code, last, text } = await pretend(GREEN);
  assertEquals({ code, last }, { code: 0, last: `${11 + STEPS} passed, 0 failed` }, text);
});

Deno.test("ci: each failing step fails the run and is counted", async () => {
  const steps = ["fmt --check", "lint", "check", "task doc", "publish --dry-run --allow-dirty"];
  const all = [...steps, "test -A --quiet tests/law"].map((step) => `"${step}"`);
  for (const step of [...all, BUNDLING]) {
    const { code, last, text } = await pretend(`${step}) exit 1 ;; ${GREEN}`);
    assertEquals({ code, last }, { code: 1, last: `${10 + STEPS} passed, 1 failed` }, text);
  }
});

Deno.test("ci: a lock file that is out of date ends the run at once", async () => {
  const { code, last } = await pretend(`"install --frozen") exit 1 ;; ${GREEN}`);
  assertEquals({ code, last }, { code: 1, last: "1 passed, 1 failed" });
});

Deno.test("ci: failed tests are counted", async () => {
  const line = "FAILED | 9 passed | 2 failed (1s)";
  const { code, last } = await pretend(`"task test") echo '${line}'; exit 1 ;;`);
  assertEquals({ code, last }, { code: 1, last: `${9 + STEPS} passed, 2 failed` });
});

Deno.test("ci: tests that never ran, an error outside of a test, and skips are failures", async () => {
  const typeError = `"task test") echo 'error: Type checking failed.'; exit 1 ;;`;
  const outside = `"task test") echo 'ok | 11 passed | 0 failed (1s)'; exit 1 ;;`;
  const skipped = `"task test") echo 'ok | 11 passed | 0 failed | 1 ignored (1s)' ;;`;
  for (const [cases, passed] of [[typeError, 0], [outside, 11], [skipped, 11]] as const) {
    const { code, last } = await pretend(cases);
    assertEquals({ code, last }, { code: 1, last: `${passed + STEPS} passed, 1 failed` }, cases);
  }
});

Deno.test("ci: the closing line is the last that fits", async () => {
  const noise =
    `"task test") printf 'ok | 1 passed\\nok | 3 passed | 0 failed (1s)\\nnot ok | 9\\n' ;;`;
  const { last } = await pretend(noise);
  assertEquals(last, `${3 + STEPS} passed, 0 failed`);
});
