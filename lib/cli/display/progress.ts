/** Shows the progress of several items on standard error. */
export interface Progress extends Disposable {
  /**
   * Announces an item. Its own line or bar appears at its first update. In the sum of all items it counts at once.
   *
   * @param total its size in bytes; `undefined` when unknown
   */
  start(label: string, total: number | undefined): ProgressItem;
  /** Shows a line of text. It stays. */
  say(line: string): void;
}

/** One line or bar of progress. */
export interface ProgressItem {
  /** Sets the number of bytes done so far, and the size if it is known only now. */
  update(done: number, total?: number | undefined): void;
  /** Marks the item as complete. `note` describes the result. `label` replaces the label, if it is better known now. */
  done(note?: string, label?: string): void;
}
