/** Stopping a set of processes that may still fork. */

/** The processes of a container, and what can be done with them. */
export interface ProcessSet {
  /** Returns the pids of all processes of the set. */
  list(): readonly number[];
  /** Returns whether a process is stopped or has ended. */
  isStopped(pid: number): boolean;
  /** Requests that a process stops. The process stops some time later. */
  stop(pid: number): void;
}

/**
 * Stops all processes of a set, round by round.
 *
 * A round in which every process is stopped is not enough: a process may have forked after the list was made and
 * before it stopped, and its child runs. The set has stopped when a new list has only processes that were already
 * stopped in the round before: nothing can have forked since.
 *
 * @param rounds largest number of rounds
 * @returns whether all processes are stopped
 */
export function stopAll(processes: ProcessSet, rounds: number): boolean {
  let stopped = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    const all = processes.list();
    if (all.every((pid) => stopped.has(pid))) return true;
    stopped = new Set(all.filter((pid) => processes.isStopped(pid)));
    for (const pid of all) if (!stopped.has(pid)) processes.stop(pid);
  }
  return false;
}
