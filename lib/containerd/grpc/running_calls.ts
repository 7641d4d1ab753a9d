/** The calls that are running: so that a server can wait for them, and abort them. */
export class RunningCalls {
  readonly #controllers = new Set<AbortController>();
  #waiting: (() => void)[] = [];

  /** How many calls are running. */
  get size(): number {
    return this.#controllers.size;
  }

  /** Notes a new call. */
  begin(): AbortController {
    const controller = new AbortController();
    this.#controllers.add(controller);
    return controller;
  }

  /** Notes that a call has its answer. */
  end(controller: AbortController): void {
    this.#controllers.delete(controller);
    if (this.#controllers.size > 0) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Settles when no call is running. */
  async drained(): Promise<void> {
    if (this.#controllers.size === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Aborts the signals of all running calls. */
  abort(): void {
    for (const controller of this.#controllers) controller.abort(cancelled("The server ends"));
  }
}

/** The reason of an abort. */
export function cancelled(why: string): DOMException {
  return new DOMException(why, "AbortError");
}
