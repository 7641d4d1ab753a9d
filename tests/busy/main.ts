/**
 * `deno task test:busy [RUNS] [ARGUMENT…]`: tests on a machine that is busy, as shared ones are.
 *
 * Starts two busy loops for each core and runs the tests beside them, three times in a row where
 * no number is given. Arguments go to `deno test`: files, `--filter …`; without any the whole suite
 * runs, as by `deno task test`. The first run that fails is the last, and its exit code that of the
 * task.
 *
 * A test that fails here and passes alone infers something from time: see tests/support/machine/wait.ts.
 */
// deno-lint-ignore-file no-console
import { startBusyLoops } from "./loops.ts";

/** Loops for each core: what runs beside them gets a third of the machine. */
const LOOPS_PER_CORE = 2;

/** Runs in a row when the command line names no number. */
const RUNS = 3;

/** The whole suite, as by the task `test`. */
const SUITE = ["--parallel", "--doc", "--preload", "tests/support/machine/load_libc.ts"];

async function main(args: readonly string[]): Promise<number> {
  const [first = ""] = args;
  const isNumber = /^[1-9][0-9]*$/.test(first);
  const runs = isNumber ? Number(first) : RUNS;
  const chosen = isNumber ? args.slice(1) : args;
  const cores = navigator.hardwareConcurrency;
  using loops = startBusyLoops(LOOPS_PER_CORE * cores);
  console.log(`${loops.pids.length} busy loops on ${cores} cores: ${loops.pids.join(" ")}`);
  for (let run = 1; run <= runs; run++) {
    const begun = performance.now();
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", ...(chosen.length === 0 ? SUITE : chosen)],
      stdin: "null",
    }).spawn().status;
    const seconds = Math.round((performance.now() - begun) / 1000);
    console.log(`Busy run ${run} of ${runs}: exit ${code} after ${seconds} s`);
    if (code !== 0) return code;
  }
  return 0;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
