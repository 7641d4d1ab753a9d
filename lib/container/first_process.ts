/** The first process of a container, as the host sees it. */
import { type ContainerRun, RUN_FILES } from "./container_run.ts";

/** Pid of the first process, as seen on the host; `null` before the process exists. */
export async function firstProcess({ directory, runtime }: ContainerRun): Promise<number | null> {
  const file = runtime.name === "chroot" ? RUN_FILES.first : RUN_FILES.pid;
  try {
    const text = await Deno.readTextFile(`${directory}/${file}`);
    const pid = /^[0-9]+/.exec(text)?.[0];
    return pid === undefined ? null : Number(pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Command lines of the first process while it enters a container without a runtime: four programs,
 * one after the other.
 */
const ENTERING = /^[^\0]*(?:sh\0[^\0]*\/enter\.sh|env\0-i|setpriv\0--regid|unshare\0--root)\0/;

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
    const command = await Deno.readTextFile(`/proc/${first}/cmdline`).catch(() => "");
    if (!ENTERING.test(command)) return;
    await new Promise((resolve) => setTimeout(resolve, ENTER_PAUSE));
  }
}

/**
 * Pids of all processes in the pid namespace of a container's first process. Nested namespaces are
 * left out.
 */
export async function processesWith(first: number): Promise<number[]> {
  const namespace = await namespaceOf(first);
  if (namespace === undefined) return [];
  const out: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (/^[0-9]+$/.test(name) && await namespaceOf(Number(name)) === namespace) {
      out.push(Number(name));
    }
  }
  return out;
}

/** Whether a process is stopped or has ended. */
export async function isStopped(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return /^\) [TtZX]/.test(stat.slice(stat.lastIndexOf(")")));
  } catch {
    return true;
  }
}

/** Sends a signal to a process. Does nothing if the process has ended. */
export function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function namespaceOf(pid: number): Promise<string | undefined> {
  try {
    return await Deno.readLink(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
