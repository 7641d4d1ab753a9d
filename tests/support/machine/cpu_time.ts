/**
 * CPU time (proc_pid_stat(5)): how much work something is. Unlike elapsed time it does not grow while other processes
 * have the cores.
 */

/** CPU time of the calling thread so far, in milliseconds, in ticks of 10 ms. */
export function threadCpuTime(): number {
  // utime, stime.
  return milliseconds(Deno.readTextFileSync("/proc/thread-self/stat"), 2);
}

/** CPU time so far of a process and of those that it started and that have ended, in milliseconds, in ticks of 10 ms. */
export async function cpuTimeOf(pid: number): Promise<number> {
  // utime, stime, cutime, cstime.
  return milliseconds(await Deno.readTextFile(`/proc/${pid}/stat`), 4);
}

/** Ticks a second of the kernel's interface to user space (`USER_HZ`, 100 on every architecture that varve runs on). */
const TICKS = 100;

/** The sum of the first `count` of the fields of times. */
function milliseconds(stat: string, count: number): number {
  // The name, in parentheses, may hold blanks: the fields after it are counted.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 11 + count);
  return fields.reduce((sum, field) => sum + Number(field), 0) * (1000 / TICKS);
}
