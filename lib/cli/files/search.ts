import { joinBytes } from "../../bytes/mod.ts";

/** Longest line in bytes. A longer one is searched in pieces, so that memory is bounded; all have its number. */
const MAX_LINE = 1024 * 1024;
/** Number of bytes at the beginning of a file that say whether it is text. GNU grep looks at as many. */
const LOOK_AT = 32 * 1024;
const NEWLINE = 0x0a;

/** A line that was found. */
export interface Line {
  /** Its number, from 1. */
  readonly number: number;
  /** Its bytes, without the newline. */
  readonly bytes: Uint8Array;
}

/** How lines are searched. */
export interface Search {
  /** Whether a line matches. */
  readonly matches: (line: string) => boolean;
  /** Whether one of several lines, with newlines between them, may match. It may be wrong only if it says yes. */
  readonly mayMatch: (lines: string) => boolean;
}

/** What was found in a file. */
export type Found = Line | "binary";

/**
 * Searches the lines of a file. A file with a NUL byte at its beginning is binary: `"binary"` is its only result, if
 * any of its lines matches. As for GNU grep, NUL bytes end lines in it.
 *
 * @param everyLine yield the lines of a binary file, too
 */
export async function* searchLines(
  chunks: AsyncIterable<Uint8Array>,
  { matches, mayMatch }: Search,
  everyLine = false,
): AsyncGenerator<Found> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let [number, isFirst, isBinary, isDone, isPiece] = [0, true, false, false, false];
  function* foundIn(block: Uint8Array): Generator<Found> {
    // It goes on with the line of the block before.
    if (isPiece) number--;
    isPiece = block.at(-1) !== NEWLINE;
    if (!mayMatch(decoder.decode(block))) {
      number += countLines(block);
      return;
    }
    for (const bytes of linesOf(block)) {
      number++;
      if (!matches(decoder.decode(bytes))) continue;
      if (!isBinary || everyLine) yield { number, bytes };
      else {
        isDone = true;
        yield "binary";
        return;
      }
    }
  }
  let rest: Uint8Array[] = [];
  let restLength = 0;
  for await (const given of chunks) {
    if (isFirst) isBinary = given.subarray(0, LOOK_AT).includes(0);
    isFirst = false;
    // The whole file is read in any case, so that its digest is checked.
    if (isDone) continue;
    const chunk = isBinary ? given.map((byte) => byte === 0 ? NEWLINE : byte) : given;
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0 && restLength + chunk.length < MAX_LINE) {
      rest.push(chunk.slice());
      restLength += chunk.length;
      continue;
    }
    const block = joinBytes([...rest, end === 0 ? chunk : chunk.subarray(0, end)]);
    const left = end === 0 ? new Uint8Array() : chunk.slice(end);
    [rest, restLength] = [[left], left.length];
    yield* foundIn(block);
  }
  if (restLength > 0 && !isDone) yield* foundIn(joinBytes(rest));
}

function* linesOf(block: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < block.length;) {
    const end = block.indexOf(NEWLINE, at);
    yield block.subarray(at, end < 0 ? block.length : end);
    at = end < 0 ? block.length : end + 1;
  }
}

function countLines(block: Uint8Array): number {
  let count = 0;
  for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) count++;
  return block.at(-1) === NEWLINE ? count : count + 1;
}

/** How a pattern is meant. */
export interface PatternOptions {
  /** The pattern is text, not a regular expression. */
  readonly fixed?: boolean | undefined;
  readonly ignoreCase?: boolean | undefined;
  /** Only whole words match. */
  readonly words?: boolean | undefined;
  /** Lines that do not match are found. */
  readonly invert?: boolean | undefined;
}

/** Compiles a pattern. @throws {SyntaxError} it is no regular expression */
export function compileSearch(pattern: string, options: PatternOptions): Search {
  const { fixed, ignoreCase, words, invert } = options;
  const source = fixed === true ? pattern.replace(/[\^$\\.*+?()[\]{}|]/g, "\\$&") : pattern;
  const whole = words === true ? `(?<![\\p{L}\\p{N}_])(?:${source})(?![\\p{L}\\p{N}_])` : source;
  const flags = ignoreCase === true ? "sui" : "su";
  const expression = new RegExp(whole, flags);
  if (invert === true) return { matches: (line) => !expression.test(line), mayMatch: () => true };
  // In several lines, an assertion could look beyond the end of its line.
  const isLocal = !whole.includes("(?");
  const several = new RegExp(whole, `${flags}m`);
  return {
    matches: (line) => expression.test(line),
    mayMatch: (lines) => !isLocal || several.test(lines),
  };
}
