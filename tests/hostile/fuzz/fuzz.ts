/** One case of the fuzzer. */
import { isBadData } from "../../../lib/errors.ts";
import { prng } from "../../support/prng.ts";
import { mutate } from "./mutate.ts";
import { type Subject, SUBJECTS } from "./subjects.ts";

/** Longest time of one case in milliseconds; an input of a few KiB takes far less. */
const MOST_TIME = 10_000;

/** The input of a seed: always the same. */
export function caseOf(seed: number): { subject: Subject; bytes: Uint8Array<ArrayBuffer> } {
  const random = prng(seed);
  const subject = SUBJECTS[seed % SUBJECTS.length] as Subject;
  const mutated = mutate(subject.make(random), random);
  return { subject, bytes: subject.mend?.(mutated, random) ?? mutated };
}

/**
 * Gives an input to varve, whole and in pieces. It must be taken, or refused as bad data, both times alike.
 *
 * @throws {Error} for anything else: another error, a difference, or a case that takes too long
 */
export function judge(subject: Subject, bytes: Uint8Array<ArrayBuffer>, seed: number): string {
  const begun = performance.now();
  const once = verdict(subject, [bytes]);
  const again = verdict(subject, prng(seed).split(bytes, 700));
  if (once !== again) throw new Error(`${subject.name}: whole it is ${once}, in pieces ${again}`);
  const taken = performance.now() - begun;
  if (taken > MOST_TIME) throw new Error(`${subject.name}: it takes ${Math.round(taken)} ms`);
  return once;
}

function verdict(subject: Subject, pieces: readonly Uint8Array<ArrayBuffer>[]): string {
  try {
    return `OK ${subject.judge(pieces)}`;
  } catch (error) {
    if (isBadData(error)) return error.code;
    throw new Error(`${subject.name}: ${error}`, { cause: error });
  }
}
