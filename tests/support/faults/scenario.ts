/** Commands to be disturbed, each with the store that it finds. */
import type { CommandResult } from "../cli/in_process.ts";

/** A command line, or something else that is done; `SCENE` in a word stands for the directory of the scene. */
export type Step = readonly string[] | ((scene: Scene) => Promise<void>);

/** A command to be disturbed. */
export interface Scenario {
  /** How it is called, such as `mount --rw`. */
  readonly name: string;
  /** What is done once: its result is copied for each try. */
  readonly base: readonly Step[];
  /** What is done again for each try, because it cannot be copied: mounts. */
  readonly before?: readonly Step[];
  /** The command. */
  readonly command: readonly string[];
  /** Exit code of the command when all it does was done already: such a command cannot be repeated. */
  readonly done?: number;
  /**
   * What is done before the results are compared: a command that was killed between its row and what it frees leaves
   * that to a collection of garbage; so does one that cannot remove the trial of a driver.
   */
  readonly settle?: readonly Step[];
  /**
   * What the store is, if it is not sound and of this version: damaged until the command is done, so that a check may
   * find that damage and nothing else; or written by an old version.
   */
  readonly store?: "damaged" | "old";
  /** Whether it and its steps need root and the right to mount. */
  readonly mounts?: boolean;
  /** Whether it mounts a snapshot that is there already, and so works with overlays only. */
  readonly isOverlay?: boolean;
  /** Programs that it needs. */
  readonly tools?: readonly string[];
}

/** Where a scenario plays: always the same directory, so that paths do not differ. */
export interface Scene {
  /** The directory; the store is `store` in it. */
  readonly path: string;
  /** The root of the store. */
  readonly root: string;
  /** Runs a command line in this process. */
  command(words: readonly string[]): Promise<CommandResult>;
}
