/** A command that fails, stands still or dies at named points. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseTerms, type Point, termAt } from "../support/faults/failpoints.ts";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import type { Supervisor } from "../support/faults/supervisor.ts";
import { runAny } from "../support/machine/process.ts";
import { judgeEnd } from "../torture/errno.ts";
import { afterwards } from "../torture/kill.ts";
import { HITS } from "./failpoint_child.ts";

const CHILD = new URL("./failpoint_child.ts", import.meta.url).pathname;

/** The points are inside of the process: nobody looks from outside. */
const NOBODY: Supervisor = {
  async run(command, { below: _, fault: __, everything: ___, ...options }) {
    return { ...await runAny(command, options), calls: [], left: false };
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** What is tried, in one row for each point. */
const TRIES: readonly (readonly [Point, ...string[]])[] = [
  ["after-blob-write", "1*error(ENOSPC)"],
  ["after-sync", "20*off->panic"],
  ["before-rename", "6*off->panic"],
  ["after-rename", "5*off->1*error(EIO)"],
  ["before-db-commit", "error(ENOSPC)"],
  ["after-db-commit", "2*off->1*error(EIO)", "2*off->panic"],
  ["mid-worker-message", "1*delay(20)->2*off->panic"],
];

Deno.test("failure points have the terms of containerd's", () => {
  const terms = parseTerms("2*off->1*error(EIO)->delay(5)");
  const kinds = [1, 2, 3, 4, 99].map((hit) => termAt(terms, hit)?.kind);
  assertEquals(kinds, ["off", "off", "error", "delay", "delay"]);
  assertEquals(termAt(parseTerms("1*panic"), 2), undefined);
  assertThrows(() => parseTerms("1*explode"), SyntaxError);
});

Deno.test("J04, P1, P2: a load that fails, stands still or dies at a named point leaves all or nothing", async () => {
  await using stage = await Stage.open(scenarioOf("load"), NOBODY, {
    program: [Deno.execPath(), "run", "-A", "--no-check", CHILD],
  });
  const play = async (points: Readonly<Partial<Record<Point, string>>>) => {
    await stage.reset();
    return await stage.run(undefined, undefined, { VARVE_FAILPOINTS: JSON.stringify(points) });
  };
  const calm = await play({ "before-rename": "off", "after-sync": "1*delay(10)" });
  assertEquals([calm.code, calm.stderr], [0, ""]);
  const hits = JSON.parse(calm.stdout.slice(calm.stdout.lastIndexOf(HITS) + HITS.length));
  assertEquals(Object.keys(hits).sort(), TRIES.map(([point]) => point).sort());
  const undisturbed = { calls: [], facts: await stage.facts() };
  const found: string[] = [];
  for (const [point, ...tries] of TRIES) {
    for (const terms of tries) {
      const { code, stderr } = await play({ [point]: terms });
      const isKill = terms.endsWith("panic");
      const wrong = isKill
        ? code === 137 ? [] : [`exit ${code}: ${stderr}`]
        : code === 0
        ? ["it succeeded"]
        : judgeEnd(code, stderr);
      wrong.push(...await afterwards(stage, undisturbed));
      found.push(...wrong.map((line) => `${point}=${terms}: ${line}`));
    }
  }
  assertEquals(found, []);
  assert(hits["after-sync"] > 20, `only ${hits["after-sync"]} syncs`);
});
