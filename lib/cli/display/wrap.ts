/**
 * Breaks text between words, so that it fits a terminal. A terminal itself breaks inside of words.
 *
 * Only a word that is wider than the terminal is left for the terminal to break. Output that does not go to a terminal
 * has no width, and is not changed.
 */
import { textWidth } from "./width.ts";

/** Most columns by which a word is indented if it is too wide for the usual indentation of a continued line. */
const LEFT = 4;

/**
 * Breaks one line into lines of at most `width` columns.
 *
 * @param hang columns by which the second and later lines are indented; less where a word needs the room
 */
export function wrapLine(
  line: string,
  width: number,
  hang: number = hangOf(line, width),
): string[] {
  if (textWidth(line) <= width) return [line];
  const lines: string[] = [];
  let current = "";
  let used = 0;
  for (const { space, word } of wordsOf(line, width)) {
    const size = textWidth(word);
    const isFirst = lines.length === 0 && current === "";
    if (!isFirst && used + space + size <= width) {
      current += " ".repeat(space) + word;
      used += space + size;
      continue;
    }
    if (!isFirst) lines.push(current);
    const wanted = isFirst ? space : hang;
    // A long word, such as a digest, may fit only with less indentation. Then keep it near the left edge.
    const indent = wanted + size <= width ? wanted : Math.max(0, Math.min(LEFT, width - size));
    current = " ".repeat(indent) + word;
    used = indent + size;
  }
  return [...lines, current];
}

/** Breaks each line of a text. `width` is `undefined` where the text does not go to a terminal. */
export function wrapText(text: string, width: number | undefined, hang?: number): string {
  if (width === undefined) return text;
  return text.split("\n").map((line) => wrapLine(line, width, hang).join("\n")).join("\n");
}

/** As {@linkcode wrapText} for a text in parts. A line may begin in one part and end in a later one. */
export function* wrapParts(
  parts: Iterable<string>,
  width: number | undefined,
): Generator<string> {
  if (width === undefined) return yield* parts;
  let rest = "";
  for (const part of parts) {
    const end = part.lastIndexOf("\n") + 1;
    if (end === 0) rest += part;
    else {
      yield wrapText(rest + part.slice(0, end), width);
      rest = part.slice(end);
    }
  }
  if (rest !== "") yield wrapText(rest, width);
}

/** A word, and the number of spaces before it. */
interface Word {
  readonly space: number;
  readonly word: string;
}

function* wordsOf(line: string, width: number): Generator<Word> {
  for (const [, space = "", word = ""] of line.matchAll(/( *)([^ ]+)/g)) {
    if (textWidth(word) <= width) {
      yield { space: space.length, word };
      continue;
    }
    // A description of JSON is one long word. It reads well when it is broken between its properties.
    for (const [at, part] of word.split(/(?<=,)(?=["{[])/).entries()) {
      yield { space: at === 0 ? space.length : 0, word: part };
    }
  }
}

/**
 * Where a continued line begins: below the value of `  label     value`, else a little to the right of the
 * line's own beginning.
 */
function hangOf(line: string, width: number): number {
  const value = /^ *[^ ]+(?: [^ ]+)* {2,}/.exec(line.slice(0, width))?.[0].length ?? Infinity;
  return value <= width / 2 ? value : line.length - line.trimStart().length + 2;
}
