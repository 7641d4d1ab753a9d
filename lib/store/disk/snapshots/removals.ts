import type { Paths } from "../paths.ts";
import { removeHidden } from "../trash.ts";

/** Longest time in ms that a deletion blocks the thread. */
const SLICE = 4;

/** Deletes files in `trash/` one after the other, in short slices between which other work goes on. */
export class Removals {
  readonly #paths: Paths;
  #last: Promise<void> = Promise.resolve();

  /** Deletes nothing yet. */
  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** Deletes a path in `trash/` later. What cannot be deleted stays until a later start or gc. */
  add(hidden: string): void {
    this.#last = this.#last.then(() => this.#remove(hidden)).catch(() => {});
  }

  /** Waits until everything is deleted that was added before. */
  done(): Promise<void> {
    return this.#last;
  }

  async #remove(hidden: string): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => setTimeout(resolve));
      const end = performance.now() + SLICE;
      let isFirst = true;
      try {
        await removeHidden(this.#paths, hidden, () => {
          // Each slice deletes something, on a busy machine, too.
          if (!isFirst && performance.now() > end) throw new SliceIsOver();
          isFirst = false;
        });
        return;
      } catch (error) {
        if (!(error instanceof SliceIsOver)) throw error;
      }
    }
  }
}

class SliceIsOver extends Error {}
