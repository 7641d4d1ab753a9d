/** Number of candidates. A time that more than 1/17 of all inodes have is always among them. */
const CANDIDATES = 16;

/**
 * Finds approximately the most frequent time of all inodes, in one pass and with little memory (the
 * algorithm of Misra and Gries). An inode that has the image's own time needs half the bytes.
 */
export class CommonTime {
  readonly #lo = new Uint32Array(CANDIDATES);
  readonly #ns = new Uint32Array(CANDIDATES);
  readonly #counts = new Float64Array(CANDIDATES);
  #last = 0;

  /** Counts a time. `lo` is the seconds since 1970, below 2^32. */
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

  /** The time with the highest count; 1970 when no time was counted. */
  best(): { readonly lo: number; readonly ns: number } {
    const at = this.#counts.indexOf(Math.max(...this.#counts));
    return { lo: this.#lo[at] as number, ns: this.#ns[at] as number };
  }
}
