/**
 * CPU time of the calling thread in milliseconds (proc_pid_stat(5), `utime` and `stime`).
 *
 * It says how much work something is: unlike elapsed time it does not grow while other processes
 * have the cores.
 */
export function threadCpuTime(): number {
  const stat = Deno.readTextFileSync("/proc/thread-self/stat");
  // The name of the thread, in parentheses, may hold blanks: the fields after it are counted.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return (user + system) * (1000 / TICKS);
}

/** Ticks a second of the kernel's interface to user space (`USER_HZ`, 100 on every architecture that varve runs on). */
const TICKS = 100;
