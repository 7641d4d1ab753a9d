import { VarveError } from "../../errors.ts";

/** The error for a malformed setting: `Cannot read <file>: <state>`. */
export class MalformedSetting extends VarveError {
  /** The file that has the setting. */
  readonly file: string;
  /** Name of the setting. */
  readonly key: string;
  /** What is wrong, for messages. */
  readonly state: string;

  constructor(file: string, key: string, state: string, place = "") {
    super("E_FORMAT", `Cannot read ${file}: ${place}${state}`, {
      subject: file,
      hint: "its form is that of containerd's hosts.toml",
    });
    this.file = file;
    this.key = key;
    this.state = state;
  }
}

/**
 * Adds line and column of a setting to an error. The TOML parser does not report where a value is, so the text is
 * searched for the key. If it is not found, for example because it is written in an inline table, the error stays as it
 * is.
 *
 * @param table address of the `[host."…"]` table with the setting; `undefined` for the top level
 */
export function placed(
  error: MalformedSetting,
  text: string,
  table: string | undefined,
): MalformedSetting {
  const { file, key, state } = error;
  const lines = text.split("\n");
  const start = table === undefined
    ? 0
    : lines.findIndex((line) => /^\s*\[/.test(line) && line.includes(table));
  if (start < 0) return error;
  const isHeader = table !== undefined && key === "host";
  for (const [i, line] of lines.entries()) {
    if (i < start) continue;
    const at = isHeader ? line.indexOf("[") : columnOf(line, key);
    if (at >= 0) return new MalformedSetting(file, key, state, place(i + 1, at + 1));
  }
  return error;
}

/** The beginning of a message about a place in a text file. */
export function place(line: number, column: number): string {
  return `line ${line}, column ${column}: `;
}

/**
 * The column, from 0, of a setting in a line. The line is `ca = "x"` for the key `ca`, or a table header that ends in
 * the key, such as `[host."…".header]`. -1 for any other line.
 */
function columnOf(line: string, key: string): number {
  const match = /^(\s*)["']?([\w-]+)["']?\s*=/.exec(line) ??
    /^(\s*\[+(?:[^\]]*\.)?)["']?([\w-]+)["']?\]/.exec(line);
  return match?.[2] === key ? (match[1] as string).length : -1;
}
