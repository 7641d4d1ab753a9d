/** Commands that are told to end while they work: before every k-th call that changes something on the disk. */
import { assert, assertEquals } from "@std/assert";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage, type Undisturbed } from "../support/faults/stage.ts";
import { buildSupervisor, type Fault, needsSupervisor } from "../support/faults/supervisor.ts";
import { pointsOf } from "../torture/finding.ts";
import { afterwards } from "../torture/kill.ts";

/** Milliseconds within which a command ends. */
const SOON = 2000;
/** How often a command that ended late is tried: a busy machine delays it once, its own slowness always. */
const TRIES = 3;
/** Number of calls of each command that are tried. */
const POINTS = 4;

/** Exit codes: the signal arrived too late, or the command ended because of it. */
const CODES: Readonly<Record<string, readonly number[]>> = { INT: [0, 130], TERM: [0, 143] };

/** Sends the signal to the command, which is the child of the supervisor beside this shell, and notes the time. */
function signalAt(signal: string, at: number, time: string): Fault {
  const each = "for pid in $(cat /proc/$PPID/task/$PPID/children)";
  const send = `[ $pid = $$ ] || kill -${signal} $pid`;
  return { kind: "hook", at, command: `${each}; do ${send}; done; date +%s%3N > ${time}` };
}

/** Sends a signal before one call. Gives what is wrong then. */
async function endAt(
  stage: Stage,
  undisturbed: Undisturbed,
  signal: string,
  at: number,
): Promise<string[]> {
  using time = {
    path: await Deno.makeTempFile(),
    [Symbol.dispose]: () => Deno.removeSync(time.path),
  };
  let late = 0;
  for (let tries = 0; tries < TRIES; tries++) {
    await stage.reset();
    const { code, stderr, left } = await stage.run(signalAt(signal, at, time.path));
    const took = Date.now() - Number(await Deno.readTextFile(time.path));
    const lines = stderr.split("\n").filter((line) => line !== "");
    const wrong = [
      ...CODES[signal]?.includes(code) ? [] : [`exit ${code}`],
      ...lines.length <= 1 ? [] : [`not one line: ${lines.slice(0, 6).join(" | ")}`],
      ...left ? ["a process is left"] : [],
      ...await afterwards(stage, undisturbed),
    ];
    if (wrong.length > 0) return wrong;
    if (took <= SOON) return [];
    late = took;
  }
  return [`it ended ${late} ms after the signal`];
}

for (const verb of ["load", "pull", "save -o", "unpack", "commit", "mount --rw", "gc"]) {
  const scenario = scenarioOf(verb);
  const { mounts = false } = scenario;
  Deno.test({
    name: `J16: ${verb} ends soon at a signal, and leaves nothing but what the next start clears`,
    ...needsSupervisor({ root: mounts, mount: mounts }),
    async fn() {
      await using supervisor = await buildSupervisor();
      await using stage = await Stage.open(scenario, supervisor);
      const undisturbed = await stage.undisturbed();
      const { calls } = undisturbed;
      const every = Math.ceil(pointsOf(calls, { every: 1, seed: 0 }).length / POINTS);
      const points = pointsOf(calls, { every, seed: 2 });
      assert(points.length >= 3, `only ${points.length} points`);
      const found: string[] = [];
      for (const [index, at] of points.entries()) {
        const signal = index % 2 === 0 ? "TERM" : "INT";
        const { name = "", paths = [] } = calls[at - 1] ?? {};
        const where = `${signal} before call ${at}, ${name} ${
          paths.map((path) => stage.short(path)).join(" ")
        }`;
        found.push(
          ...(await endAt(stage, undisturbed, signal, at)).map((line) => `${where}: ${line}`),
        );
      }
      assertEquals(found, []);
    },
  });
}
