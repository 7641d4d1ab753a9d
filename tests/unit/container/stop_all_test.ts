import { assertEquals } from "@std/assert";
import { type ProcessSet, stopAll } from "../../../lib/container/stop_all.ts";

/** Processes that run until they are stopped; `afterList` is called after each list was made. */
function processes(pids: number[], afterList: (running: Set<number>) => void): ProcessSet & {
  readonly running: Set<number>;
} {
  const running = new Set(pids);
  const all = new Set(pids);
  return {
    running,
    list: () => {
      const list = [...all];
      afterList(running);
      for (const pid of running) all.add(pid);
      return list;
    },
    isStopped: (pid) => !running.has(pid),
    stop: (pid) => void running.delete(pid),
  };
}

Deno.test("stop all: a child that is forked after the list was made is stopped, too", () => {
  let lists = 0;
  // Process 1 was asked to stop in the first round. It forks process 2 after the second list, before it stops.
  const set = processes([1], (running) => {
    if (++lists === 2) running.add(2);
  });
  assertEquals(stopAll(set, 10), true);
  assertEquals([...set.running], []);
});

Deno.test("stop all: no process, and processes that are stopped already", () => {
  assertEquals(stopAll(processes([], () => {}), 10), true);
  const stopped = processes([1, 2], (running) => running.clear());
  assertEquals(stopAll(stopped, 10), true);
});

Deno.test("stop all: processes that fork faster than they are stopped end the rounds", () => {
  let next = 1;
  const set = processes([1], (running) => void running.add(++next));
  assertEquals(stopAll(set, 10), false);
});
