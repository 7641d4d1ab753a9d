/** The first process of a container, as the host sees it. */
import { type ContainerRun, RUN_FILES } from "./container_run.ts";

/** Pid of the first process on the host; `null` before it begins. */
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

/** Milliseconds between two looks at the command line. */
const ENTER_PAUSE = 5;

/**
 * Waits until the first process of a container without a runtime has become the container's program.
 * Before that a signal would be lost: the kernel delivers none to a first process that does not
 * handle it.
 *
 * @param limit milliseconds after which the wait ends in any case
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

/** Whether a process is stopped, or gone. */
export async function isStopped(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return /^\) [TtZX]/.test(stat.slice(stat.lastIndexOf(")")));
  } catch {
    return true;
  }
}

/** Sends a signal to a process. A process that is gone is no error. */
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
