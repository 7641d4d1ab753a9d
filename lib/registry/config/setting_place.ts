import { VarveError } from "../../errors.ts";
import { type TomlKey, tomlKeys } from "./toml_keys.ts";

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
 * Adds line and column of a setting to an error. The TOML parser does not report where a value is, so they are looked up
 * among the keys of the text.
 *
 * @param table address of the table `host."…"` with the setting; `undefined` for the top level
 */
export function placed(
  error: MalformedSetting,
  text: string,
  table: string | undefined,
): MalformedSetting {
  const { file, key, state } = error;
  const path = table === undefined ? [key] : key === "host" ? [key, table] : ["host", table, key];
  const keys = tomlKeys(text);
  const begins = (one: TomlKey) => path.every((part, at) => one.path[at] === part);
  const found = keys.find((one) => begins(one) && one.path.length === path.length) ??
    keys.find(begins);
  if (found === undefined) return error;
  const at = table !== undefined && key === "host" ? found.header ?? found.at : found.at;
  const before = text.slice(0, at).split("\n");
  return new MalformedSetting(
    file,
    key,
    state,
    place(before.length, (before.at(-1) ?? "").length + 1),
  );
}

/** The beginning of a message about a place in a text file. */
export function place(line: number, column: number): string {
  return `line ${line}, column ${column}: `;
}
