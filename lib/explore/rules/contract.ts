import type { ByteString } from "../../bytes/mod.ts";

/** Rules that an image can keep. A rule that is absent is disabled. */
export interface Rules {
  /** dive's: the least efficiency score of dive, 0 to 1. */
  readonly lowestEfficiency?: number | undefined;
  /** dive's: the most wasted bytes of dive. */
  readonly highestWastedBytes?: number | undefined;
  /** dive's: the most wasted bytes of dive by the bytes of all layers but the lowest, 0 to 1. */
  readonly highestUserWastedPercent?: number | undefined;
  /** The most bytes of the files of all layers. */
  readonly maxBytes?: number | undefined;
  /** The most layers. */
  readonly maxLayers?: number | undefined;
  /** Globs of files that may have the setuid or setgid bit; no other file that the image shows may have it. */
  readonly setuid?: readonly string[] | undefined;
  /**
   * Globs of files and directories that all users may write to; nothing else that the image shows may be such. A
   * directory with the sticky bit, as `/tmp`, is none.
   */
  readonly worldWritable?: readonly string[] | undefined;
  /** Globs of paths that no layer may have, also where a layer above deletes them. */
  readonly forbidden?: readonly string[] | undefined;
}

/** Name of a rule, as in a file of rules. */
export type RuleName = keyof Rules;

/** The rules that dive has where nothing else is said. */
export const DEFAULT_RULES: Rules = { lowestEfficiency: 0.9, highestUserWastedPercent: 0.1 };

/** Whether an image keeps a rule. */
export interface Verdict {
  readonly rule: RuleName;
  readonly status: "passed" | "failed" | "disabled";
  /** What the rule asks for; `null` where it is disabled. */
  readonly limit: number | readonly string[] | null;
  /** What the image has: a score, bytes, a number of layers or of paths; `null` where the rule is disabled. */
  readonly actual: number | null;
  /** The paths because of which it failed; those with the most bytes, where there is no end of them. */
  readonly paths: readonly ByteString[];
}
