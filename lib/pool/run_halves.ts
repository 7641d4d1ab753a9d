import { VarveError } from "../errors.ts";
import type { Halves } from "./contract.ts";
import type { Task } from "./task.ts";
import type { WorkerLink } from "./worker_link.ts";

/** The workers that run the halves. */
export interface HalfLinks {
  readonly front: WorkerLink;
  readonly back: WorkerLink;
}

/**
 * Runs the halves of a job in two workers, with the same outcome as in one worker. Both halves have
 * ended when the promise settles.
 */
export async function runHalves<Output>(
  { front, back, stop }: Halves<Output>,
  links: HalfLinks,
  task: Task,
): Promise<Output> {
  const { signal } = task;
  const controller = new AbortController();
  const abort = (reason: unknown) => {
    stop();
    controller.abort(reason);
  };
  const cancel = () => abort(signal.reason);
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const own = controller.signal;
  const frontRun = links.front.run(front.job.name, front.input, { ...task, signal: own });
  const backRun = links.back.run(back.job.name, back.input, {
    signal: own,
    stream: undefined,
    onProgress: undefined,
  }) as Promise<Output | null>;
  // When the front half fails, the back half still reads the bytes in shared memory. It may find an
  // error there, which lies earlier in the stream than the error of the front half.
  frontRun.catch(stop);
  backRun.catch(abort);
  const [backResult, frontResult] = await Promise.allSettled([backRun, frontRun]);
  signal.removeEventListener("abort", cancel);
  signal.throwIfAborted();
  if (backResult.status === "rejected") throw backResult.reason;
  if (frontResult.status === "rejected") throw frontResult.reason;
  if (backResult.value !== null) return backResult.value;
  throw new VarveError("E_INTERNAL", "Cannot finish a job in halves: it stopped without a reason");
}
