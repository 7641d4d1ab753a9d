/** Bytes that a check has read, and will read. */
export interface CheckProgress {
  /** Bytes that were read so far. */
  readonly read: number;
  /** Bytes to read, as far as they are known. */
  readonly total: number;
}

/** Adds up the progress of several jobs. */
export class ProgressSum {
  readonly #tell: ((progress: CheckProgress) => void) | undefined;
  #read = 0;
  #total = 0;

  /** Tells each change. */
  constructor(tell: ((progress: CheckProgress) => void) | undefined) {
    this.#tell = tell;
  }

  /** Announces bytes that will be read. */
  add(bytes: number): void {
    this.#total += bytes;
  }

  /** Begins a job; the result takes the number of bytes that the job has read so far. */
  task(): (read: number) => void {
    let before = 0;
    return (read) => {
      this.#read += read - before;
      before = read;
      this.#tell?.({ read: this.#read, total: Math.max(this.#total, this.#read) });
    };
  }
}
