/** The order of the calls of a command. */
import type { Stage } from "../support/faults/stage.ts";
import { orderFindings } from "./order.ts";

/** Plays a command, and gives what is out of order in its calls. */
export async function orderOf(stage: Stage): Promise<string[]> {
  await stage.reset();
  const existing = await stage.paths();
  const { code, stderr, calls } = await stage.run();
  if (code !== 0) return [`exit ${code}: ${stderr.trim()}`];
  return orderFindings(calls, { root: stage.scene.root, existing });
}
