import type { Snapshotter } from "../../snapshot/mod.ts";

/** Milliseconds without a commit after which an image counts as unpacked. */
const QUIET = 500;

/**
 * Makes what a container on an image will need, when containerd has unpacked the image: the chain is composed in idle
 * time, once for all layers. While containerd unpacks, each committed snapshot has the extract snapshot of the next
 * layer on it.
 */
export class IdleCompose implements AsyncDisposable {
  readonly #snapshotter: Pick<Snapshotter, "warm" | "walk">;
  readonly #ended = new AbortController();
  #waiting = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> = Promise.resolve();

  /** Does nothing before the first commit. */
  constructor(snapshotter: Pick<Snapshotter, "warm" | "walk">) {
    this.#snapshotter = snapshotter;
  }

  /** Takes the name of a snapshot that was committed. */
  committed(name: string): void {
    if (this.#ended.signal.aborted) return;
    this.#waiting.add(name);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#running.then(() => this.#compose());
    }, QUIET);
  }

  async #compose(): Promise<void> {
    const names = [...this.#waiting];
    this.#waiting = new Set();
    for (const name of names) {
      if (this.#ended.signal.aborted) return;
      try {
        // One with another snapshot on it is not the top of an image, or is in use already.
        if (this.#snapshotter.walk([`parent==${JSON.stringify(name)}`]).length > 0) continue;
        await this.#snapshotter.warm(name, { signal: this.#ended.signal });
      } catch {
        // It was removed meanwhile, or the first container on it meets the same error and says so.
      }
    }
  }

  /** Ends what goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#ended.abort();
    await this.#running;
  }
}
