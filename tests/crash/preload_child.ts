/**
 * A process into which the library is preloaded that fails syncs and renames: it runs commands in a loop, one of whose
 * calls fails each time. It prints what is wrong, as a list in JSON.
 */
// deno-lint-ignore-file no-console
import { failCalls, type PreloadFault, type PreloadKind } from "../support/faults/preload.ts";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import type { Supervisor } from "../support/faults/supervisor.ts";
import { FOR_GOOD, judgeEnd } from "../torture/errno.ts";
import { afterwards } from "../torture/kill.ts";

/** What a child tries. */
export interface PreloadTask {
  /** The directory to play in. */
  readonly dir: string;
  /** Name of the scenario. */
  readonly verb: string;
  /** Tries every so many calls. */
  readonly every: number;
}

/** What a child found. */
export interface PreloadReport {
  /** How many calls the command makes. */
  readonly calls: Readonly<Record<PreloadKind, number>>;
  /** How often the command failed. */
  readonly failed: Readonly<Record<PreloadKind, number>>;
  /** How many faults were tried. */
  readonly tried: number;
  readonly found: readonly string[];
}

/** The errors of each kind of call, in turn. */
const ERRNOS = { sync: ["EIO", "ENOSPC", "EDQUOT"], rename: ["ENOSPC", "EROFS", "EIO"] } as const;

/** Commands run inside of this process: there is nothing to supervise. */
const NOBODY: Supervisor = {
  run: () => Promise.reject(new Error("Cannot run a process here")),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

async function work({ dir, verb, every }: PreloadTask): Promise<PreloadReport> {
  await using stage = await Stage.open(scenarioOf(verb), NOBODY, { dir });
  const calls = { sync: 0, rename: 0 };
  const failed = { sync: 0, rename: 0 };
  const found: string[] = [];
  let tried = 0;
  let facts: readonly string[] = [];
  for (const kind of ["sync", "rename"] as const) {
    await stage.reset();
    using counted = failCalls({ kind });
    await stage.again();
    calls[kind] = counted.count();
    facts = await stage.facts();
  }
  const undisturbed = { calls: [], facts };
  for (const kind of ["sync", "rename"] as const) {
    for (let at = 1; at <= calls[kind]; at += every) {
      const errno = ERRNOS[kind][tried % 3] as (typeof ERRNOS)[typeof kind][number];
      const times = tried % 2 === 0 ? 1 : FOR_GOOD;
      const fault: PreloadFault = { kind, at, times, errno };
      await stage.reset();
      {
        using _ = failCalls(fault);
        const { code, stderr } = await stage.scene.command(["--quiet", ...stage.scenario.command]);
        if (code !== 0) failed[kind]++;
        found.push(...judgeEnd(code, stderr).map((line) => `${JSON.stringify(fault)}: ${line}`));
      }
      const after = await afterwards(stage, undisturbed);
      found.push(...after.map((line) => `${JSON.stringify(fault)}: ${line}`));
      tried++;
    }
  }
  return { calls, failed, tried, found };
}

if (import.meta.main) console.log(JSON.stringify(await work(JSON.parse(Deno.args[0] as string))));
