const CANDIDATES = 16;

/**
 * Finds the time that most inodes have, in one pass and little memory
 * (Misra and Gries): an inode of the image's own time needs half the bytes.
 */
export class CommonTime {
  readonly #lo = new Uint32Array(CANDIDATES);
  readonly #ns = new Uint32Array(CANDIDATES);
  readonly #counts = new Float64Array(CANDIDATES);
  #last = 0;

  /** Counts a time between 1970 and 2106. */
  add(lo: number, ns: number): void {
    const counts = this.#counts;
    let at = this.#last;
    if (this.#lo[at] !== lo || this.#ns[at] !== ns) {
      at = 0;
      while (
        at < CANDIDATES && (counts[at] === 0 || this.#lo[at] !== lo || this.#ns[at] !== ns)
      ) at++;
      if (at === CANDIDATES) return this.#insert(lo, ns);
      this.#last = at;
    }
    counts[at]!++;
  }

  #insert(lo: number, ns: number): void {
    const counts = this.#counts;
    const free = counts.indexOf(0);
    if (free < 0) {
      for (let i = 0; i < CANDIDATES; i++) counts[i]!--;
      return;
    }
    this.#lo[free] = lo;
    this.#ns[free] = ns;
    counts[free] = 1;
    this.#last = free;
  }

  /** The most frequent one; the epoch when there was none. */
  best(): { readonly lo: number; readonly ns: number } {
    const at = this.#counts.indexOf(Math.max(...this.#counts));
    return { lo: this.#lo[at] as number, ns: this.#ns[at] as number };
  }
}
