import { VarveError } from "../errors.ts";
import type { Halves } from "./contract.ts";
import type { Task } from "./task.ts";
import type { WorkerLink } from "./worker_link.ts";

/** The workers of the halves. */
export interface HalfLinks {
  readonly front: WorkerLink;
  readonly back: WorkerLink;
}

/**
 * Runs the halves of a job in two workers, with the outcome that one would give.
 *
 * Both have ended when it settles: neither is left waiting for the other.
 */
export async function runHalves<Output>(
  { front, back, stop }: Halves<Output>,
  links: HalfLinks,
  task: Task,
): Promise<Output> {
  const { signal } = task;
  const controller = new AbortController();
  const end = (reason: unknown) => {
    stop();
    controller.abort(reason);
  };
  const cancel = () => end(signal.reason);
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const own = controller.signal;
  const fronts = links.front.run(front.job.name, front.input, { ...task, signal: own });
  const backs = links.back.run(back.job.name, back.input, {
    signal: own,
    stream: undefined,
    onProgress: undefined,
  }) as Promise<Output | null>;
  // The back still reads what the front gave, and may find what is wrong before it.
  fronts.catch(stop);
  backs.catch(end);
  const [made, fed] = await Promise.allSettled([backs, fronts]);
  signal.removeEventListener("abort", cancel);
  signal.throwIfAborted();
  if (made.status === "rejected") throw made.reason;
  if (fed.status === "rejected") throw fed.reason;
  if (made.value !== null) return made.value;
  throw new VarveError("E_INTERNAL", "Cannot finish a job in halves: it was stopped by nobody");
}
