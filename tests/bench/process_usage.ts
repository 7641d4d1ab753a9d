/** What another process uses: CPU time, memory, threads and descriptors, as /proc says, or as it says at its end. */
import { run, type RunOptions } from "../support/machine/process.ts";

/** CPU time of the threads of a process that live, in milliseconds, exact to nanoseconds (`/proc/PID/schedstat`). */
export async function exactCpuTimeOf(pid: number): Promise<number> {
  let sum = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`).catch(() => "0");
    sum += Number(text.split(" ")[0]);
  }
  return sum / 1e6;
}

/** CPU time of the first thread of a process in milliseconds: in Deno, of the one that runs the program. */
export async function mainThreadTimeOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/schedstat`);
  return Number(text.split(" ")[0]) / 1e6;
}

/** Resident memory of a process in MiB, now and at its highest since {@linkcode forgetPeak}. */
export async function memoryOf(
  pid: number,
): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const value = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) / 1024;
  return { now: value("VmRSS"), peak: value("VmHWM") };
}

/** Begins the highest memory of a process anew. */
export async function forgetPeak(pid: number): Promise<void> {
  await Deno.writeTextFile(`/proc/${pid}/clear_refs`, "5");
}

/** What a process and all processes that it waited for used. */
export interface Usage {
  /** CPU time in seconds, exact to 10 ms. */
  readonly cpu: number;
  /** Wall time in seconds, exact to 10 ms. */
  readonly wall: number;
  /** Highest resident memory of one of them, in MiB. */
  readonly peak: number;
}

/** Runs a process to its end and tells what it used. */
export async function usageOf(
  command: readonly string[],
  options: RunOptions = {},
): Promise<Usage> {
  const time = ["/usr/bin/time", "-f", "%U %S %e %M"];
  const { stderr } = await run([...time, ...command], { timeout: 900_000, ...options });
  const last = stderr.trim().split("\n").at(-1) ?? "";
  const [user = NaN, system = NaN, wall = NaN, kib = NaN] = last.split(" ").map(Number);
  return { cpu: user + system, wall, peak: kib / 1024 };
}
