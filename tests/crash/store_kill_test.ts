import { assert, assertEquals } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../conformance/store_judge.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import type { ChildTask } from "./store_child.ts";
import { startChild } from "./store_children.ts";
import "../support/machine/needs.ts";

/** How many of the calls are tried; `VARVE_ALL_KILLS=1` tries each. */
const TRIED = 14;

/** The task is killed before its N-th call; then a start heals, and the same task again succeeds. */
async function killAt(killAt: number): Promise<void> {
  await using temp = await tempDir();
  const root = temp.join("store");
  const task: ChildTask = { root, seeds: [1, 2], image: "a", directories: true };
  await using killed = startChild({ ...task, killAt });
  const code = await killed.end();
  assertEquals(code, 137, `call ${killAt} was not reached`);
  const committed = killed.words.includes("committed");
  {
    await using store = await openStore({ root });
    const images = store.images.list().length;
    assert(images === 1 || !committed, `call ${killAt}: committed and lost`);
    assertEquals(store.layers.list().length, images === 1 ? 2 : 0, `call ${killAt}`);
    assertEquals(store.chains.list().length, images === 1 ? 2 : 0, `call ${killAt}`);
    await judgeStore(store);
  }
  await judgeIdle(root);
  await using again = startChild(task);
  assertEquals(await again.end(), 0, `after call ${killAt}`);
  await using store = await openStore({ root });
  assertEquals(store.layers.list().length, 2);
  await judgeStore(store);
}

Deno.test("J01, P1, P2: a process killed before any of its calls leaves all or nothing, and the next start heals", async () => {
  let calls = 0;
  {
    await using temp = await tempDir();
    await using child = startChild({
      root: temp.join("store"),
      seeds: [1, 2],
      image: "a",
      directories: true,
    });
    assertEquals(await child.end(), 0);
    calls = Number(child.words.find((word) => word.startsWith("calls "))?.slice(6));
  }
  assert(calls > 60, `only ${calls} calls were counted`);
  const step = Deno.env.get("VARVE_ALL_KILLS") === "1" ? 1 : Math.max(1, Math.floor(calls / TRIED));
  const points = Array.from({ length: Math.floor(calls / step) }, (_, i) => 1 + i * step);
  // Two at a time: a child is mostly the start of a process.
  for (let i = 0; i < points.length; i += 2) {
    await Promise.all(points.slice(i, i + 2).map(killAt));
  }
});
