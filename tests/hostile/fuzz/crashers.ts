/** Inputs that the fuzzer found: each once ended in an error that is not about bad data, in a difference or in a hang. */
export interface Crasher {
  /** The name of what is fuzzed. */
  readonly subject: string;
  /** The input. */
  readonly base64: string;
  /** What was wrong. */
  readonly was: string;
}

/** All of them. None was found so far but those that have tests of their own. */
export const CRASHERS: readonly Crasher[] = [];
