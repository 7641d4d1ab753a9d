/** Whether a commit waits until its data is on the disk (`"full"`) or not (`"none"`). */
export type Durability = "full" | "none";

/** Options of {@linkcode openStore}. */
export interface OpenOptions {
  /**
   * Path of the root directory. It is created when it is missing. A relative path begins at the
   * working directory.
   */
  readonly root: string;
  /**
   * `"full"`: a commit survives a loss of power. `"none"`: nothing is synced, which is faster; each
   * opening of the store checks commits that were made without syncs. Default: the store's setting
   * `durability`, otherwise `"full"`.
   */
  readonly durability?: Durability | undefined;
  /** Whether to create a store where there is none; `true` by default. */
  readonly create?: boolean | undefined;
  /**
   * Called with a message about something in the store that the user should fix, such as a name
   * that reads as a digest.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  /**
   * Called when something has waited for another process for two seconds, with the process and what it does: `process
   * 71 (varve load app.tar) makes layer sha256:…`. The wait goes on.
   */
  readonly onWait?: ((message: string) => void) | undefined;
}
