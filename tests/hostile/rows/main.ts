/**
 * `deno task hostile [FILE…]`: runs the tests that have rows of the corpus in their names, and prints a table of
 * rows, tests and results. Without files it runs all such tests, which takes a while.
 *
 * It exits with 1 when a test fails, or a row has neither a test of its own nor a reason.
 */
// deno-lint-ignore-file no-console
import { filesWithRows, formatTable, parseJunit, tabulate } from "./report.ts";

const TESTS = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

async function main(args: readonly string[]): Promise<number> {
  const files = args.length > 0 ? args : await filesWithRows(TESTS);
  const report = await Deno.makeTempFile({ prefix: "varve-hostile-" });
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--junit-path=${report}`, ...files],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
    }).spawn().status;
    const isWhole = args.length === 0;
    const rows = tabulate(parseJunit(await Deno.readTextFile(report)), { isWhole });
    const shown = isWhole ? rows : rows.filter(({ tests }) => tests.length > 0);
    console.log(formatTable(shown));
    return code !== 0 || shown.some(({ isGood }) => !isGood) ? 1 : 0;
  } finally {
    await Deno.remove(report);
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
