/** The first process of a container, as the host sees it. */
import { processIds, readKernelFile, readKernelLink, threadIds } from "../linux/mod.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";

/** Files with the pid of the first process. A container without a runtime writes the second one when it begins to enter. */
const PID_FILES = [RUN_FILES.pid, RUN_FILES.first];

/** Pid of the first process, as seen on the host; `null` before the process exists. */
export async function firstProcess(
  { directory }: Pick<ContainerRun, "directory">,
): Promise<number | null> {
  for (const file of PID_FILES) {
    try {
      const pid = /^[0-9]+/.exec(await Deno.readTextFile(`${directory}/${file}`))?.[0];
      if (pid !== undefined) return Number(pid);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/**
 * Command lines of the first process while it enters a container without a runtime: four programs,
 * one after the other.
 */
const ENTERING = /^[^\0]*(?:sh\0-c\0exec 3>[^\0]*|env\0-i|setpriv\0--regid|unshare\0--root)\0/;

/** Milliseconds between two checks of the command line. */
const ENTER_PAUSE = 5;

/**
 * Waits until the first process of a container without a runtime has become the container's program. A signal sent
 * before that would be lost: the kernel delivers a signal to the first process only if the process handles it.
 *
 * @param limit longest wait in milliseconds
 */
export async function untilEntered(first: number, limit: number): Promise<void> {
  for (const end = performance.now() + limit; performance.now() < end;) {
    if (!ENTERING.test(readKernelFile(`/proc/${first}/cmdline`) ?? "")) return;
    await new Promise((resolve) => setTimeout(resolve, ENTER_PAUSE));
  }
}

/**
 * Pids of all processes in the pid namespace of a container's first process. Nested namespaces are
 * left out.
 */
export function processesWith(first: number): number[] {
  const namespace = namespaceOf(first);
  if (namespace === undefined) return [];
  return processIds().map(Number).filter((pid) => namespaceOf(pid) === namespace);
}

/** Functions of Linux in which a thread sleeps until a child that it made by vfork(2) becomes another program. */
const VFORK = ["kernel_clone", "_do_fork", "wait_for_vfork_done"];

/** Bit of SIGSTOP in a set of signals. */
const STOP_BIT = 1n << 18n;

/**
 * Whether a process is stopped with all of its threads, or has ended. A thread that stands in a write(2) stops only after
 * it. One that waits for a child by vfork(2) stops when it wakes up; if the child was stopped before it became another
 * program, that is not until the child goes on.
 */
export function isStopped(pid: number): boolean {
  const threads = threadIds(pid).map((id) => `/proc/${pid}/task/${id}`);
  const states = threads.map((path) => {
    const stat = readKernelFile(`${path}/stat`) ?? ") X";
    const state = stat.slice(stat.lastIndexOf(")")).charAt(2);
    return state === "D" && VFORK.includes(readKernelFile(`${path}/wchan`) ?? "") ? "vfork" : state;
  });
  if (!states.every((state) => state === "vfork" || "TtZX".includes(state))) return false;
  return !states.includes("vfork") || states.includes("T") || isToldToStop(pid);
}

function isToldToStop(pid: number): boolean {
  const status = readKernelFile(`/proc/${pid}/status`) ?? "";
  const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${pending}`) & STOP_BIT) !== 0n;
}

/** Whether a process has ended. A zombie has. */
export function hasEnded(pid: number): boolean {
  const stat = readKernelFile(`/proc/${pid}/stat`);
  return stat === undefined || /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(")")));
}

/** Sends a signal to a process. Does nothing if the process has ended. */
export function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function namespaceOf(pid: number): string | undefined {
  return readKernelLink(`/proc/${pid}/ns/pid`);
}
