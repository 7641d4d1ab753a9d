import { VarveError } from "../../../errors.ts";
import { readSmallFile } from "../../files/read_small_file.ts";

/** Largest file of variables that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads a file of variables as Docker does: a line is `NAME=VALUE` or `NAME`. Empty lines and lines that begin with `#`
 * are left out. Quotes are a part of the value.
 *
 * @throws {VarveError} `E_USAGE` a line is no variable, or it is not UTF-8 · `E_LIMIT` the file is too large · `E_DENIED`, `E_SYSCALL`
 */
export async function readEnvFile(path: string): Promise<string[]> {
  const bytes = await readSmallFile(path, MAX_BYTES, `read ${path}`);
  try {
    return parseEnvFile(path, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Other bytes would reach the container as U+FFFD.
    throw new VarveError("E_USAGE", `Cannot read ${path}: it is not UTF-8`, { subject: path });
  }
}

/** The variables in the text of such a file. @throws {VarveError} `E_USAGE` */
export function parseEnvFile(path: string, text: string): string[] {
  const variables: string[] = [];
  for (const [i, given] of text.split(/\r?\n/).entries()) {
    const line = given.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const name = line.split("=", 1)[0] as string;
    if (name === "" || /[\s\0]/.test(name) || line.includes("\0")) {
      throw new VarveError("E_USAGE", `Cannot read ${path}: line ${i + 1} is no variable`, {
        subject: path,
        hint: "write NAME=VALUE, or NAME alone to pass on its value",
      });
    }
    variables.push(line);
  }
  return variables;
}
