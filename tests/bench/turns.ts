/** Contenders that are timed in turn, so that all see the same states of the machine. */
// deno-lint-ignore-file no-console
import { run, runAny } from "../support/machine/process.ts";
import type { Contender } from "./mount_peers.ts";

/** The least time of each, in ms. Every run has an empty directory of its own below `directory`. */
export async function inTurn(
  contenders: ReadonlyMap<string, Contender>,
  directory: string,
  runs: number,
): Promise<Map<string, number>> {
  const least = new Map<string, number>();
  for (let i = 0; i < runs; i++) {
    for (const [what, contender] of contenders) {
      const time = await timed(contender, `${directory}/${crypto.randomUUID()}`);
      console.error(`${what}: ${Math.round(time)} ms`);
      least.set(what, Math.min(time, least.get(what) ?? Infinity));
    }
  }
  return least;
}

/** The time of one run in a directory that is made for it, in ms. */
export async function timed(contender: Contender, at: string): Promise<number> {
  await Deno.mkdir(at);
  await using engine = await contender.engine?.(at);
  await run(["sync", "-f", at]);
  const start = performance.now();
  await contender.run(at, engine);
  const time = performance.now() - start;
  await runAny([
    "sh",
    "-c",
    `umount "$1/mnt"; umount "$1"/store/mounts/*; umount -l "$1/root/overlay"`,
    "sh",
    at,
  ]);
  await engine?.[Symbol.asyncDispose]();
  await Deno.remove(at, { recursive: true });
  return time;
}
