/** The first process of a container, as the host sees it. */
import { RUN_FILES } from "./runtime/commands.ts";
import type { Runtime } from "./runtime/find.ts";

/** Its pid; `null` before it begins. */
export async function firstProcess(runtime: Runtime, directory: string): Promise<number | null> {
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

/** What the first process is while it enters a container without a runtime: one of four programs. */
const ENTERING = /^[^\0]*(?:sh\0[^\0]*\/enter\.sh|env\0-i|setpriv\0--regid|unshare\0--root)\0/;

/**
 * Waits until the first process of a container without a runtime is the container's program: before that it
 * would not hear a signal, since the kernel delivers none to a first process that does not handle it.
 */
export async function untilEntered(first: number, limit: number): Promise<void> {
  for (const end = performance.now() + limit; performance.now() < end;) {
    const command = await Deno.readTextFile(`/proc/${first}/cmdline`).catch(() => "");
    if (!ENTERING.test(command)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All processes of the pid namespace that a process begins; those of namespaces inside it are left out. */
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

/** Whether a process is stopped. */
export async function isStopped(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return /^\) [TtZX]/.test(stat.slice(stat.lastIndexOf(")")));
  } catch {
    // Gone: it does nothing more.
    return true;
  }
}

/** Sends a signal to a process that may be gone. */
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
