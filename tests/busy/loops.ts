/** Processes that do nothing but keep the cores busy, until they are disposed. */
export interface BusyLoops extends Disposable {
  readonly pids: readonly number[];
}

/** The last argument of each loop, by which it is told from other processes. */
export const BUSY_LOOP = "varve-busy-loop";

/** Ends with the process that started it, whatever ended that one. */
const SCRIPT = "while kill -0 $PPID; do :; done 2>/dev/null";

/** Starts busy loops. Dispose kills them, each by its pid. */
export function startBusyLoops(count: number): BusyLoops {
  const children = Array.from({ length: count }, () =>
    new Deno.Command("sh", {
      args: ["-c", SCRIPT, BUSY_LOOP],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn());
  return {
    pids: children.map(({ pid }) => pid),
    [Symbol.dispose](): void {
      for (const child of children) {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended already.
        }
      }
    },
  };
}
