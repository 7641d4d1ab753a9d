/** Whether what is committed is on the disk when `commit` returns. */
export type Durability = "full" | "none";

/** Options of {@linkcode openStore}. */
export interface OpenOptions {
  /** The root directory; made when missing. A relative path is taken from the working directory. */
  readonly root: string;
  /**
   * `"full"`: data, sync, rename, directory sync, then the transaction, which is synced, too.
   * `"none"`: without the syncs; the store notes it, and each start re-checks what was committed so.
   * Default: the setting `durability`, else `"full"`.
   */
  readonly durability?: Durability | undefined;
}
