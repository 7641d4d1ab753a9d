/** Shows the progress of several items on standard error. */
export interface Progress extends Disposable {
  /**
   * Announces an item. It is shown from its first update on, but counts at once in what is shown of all.
   *
   * @param total its size in bytes; `undefined` when unknown
   */
  start(label: string, total: number | undefined): ProgressItem;
}

/** One line or bar of progress. */
export interface ProgressItem {
  /** Sets the number of bytes done so far, and the size if it is known only now. */
  update(done: number, total?: number | undefined): void;
  /** Marks the item as complete. `note` describes the result. `label` replaces the label, if it is better known now. */
  done(note?: string, label?: string): void;
}
