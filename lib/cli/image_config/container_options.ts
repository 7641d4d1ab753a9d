/** Options that say how a container of a new image runs. */
import { VarveError } from "../../errors.ts";
import { listOption, type Options, stringOption } from "../verb.ts";

/**
 * Matches the start of a JSON list, but not a line for the shell. In a line for the shell, `[` is a program, and a
 * blank follows. `[ "a",` is a list in spite of the blank.
 */
const LIST = /^\s*\[(?:[^\s[]|\s*"(?:[^"\\]|\\.)*"\s*(?:,|$))/;

/** A command: a JSON list of words, or a line for the shell. @throws {VarveError} `E_USAGE` for a malformed list */
export function commandOption(options: Options, name: string): string | undefined {
  const text = stringOption(options, name);
  if (text === undefined || !LIST.test(text)) return text;
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {
    // Refused below: as a line for the shell it would fail in every container.
  }
  if (Array.isArray(words) && words.every((word) => typeof word === "string")) return text;
  throw new VarveError(
    "E_USAGE",
    `Cannot use --${name} ${JSON.stringify(text)}: it is not a JSON list of words`,
    { hint: `write --${name} '["/bin/app","-v"]', or a line for the shell` },
  );
}

/**
 * Parses the values `NAME=value` of an option. The last value of a name wins.
 *
 * @param option name that commander makes of the flag: `descAnnotation`
 * @throws {VarveError} `E_USAGE`
 */
export function pairs(options: Options, option: string): Map<string, string> {
  const out = new Map<string, string>();
  const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  for (const pair of listOption(options, option)) {
    const at = pair.indexOf("=");
    if (at < 1) {
      throw new VarveError(
        "E_USAGE",
        `Cannot use --${flag} ${JSON.stringify(pair)}: it is not NAME=value`,
        { hint: `write --${flag} ${at === 0 ? "NAME" : pair}=VALUE` },
      );
    }
    out.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return out;
}
