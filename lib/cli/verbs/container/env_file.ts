import { VarveError } from "../../../errors.ts";
import { guarded } from "../../../linux/mod.ts";

/** Largest file of variables that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads a file of variables as Docker does: a line is `NAME=VALUE` or `NAME`. Empty lines and lines that begin with `#`
 * are left out. Quotes are a part of the value.
 *
 * @throws {VarveError} `E_USAGE` a line is no variable, or it is not UTF-8 · `E_LIMIT` the file is too large · `E_DENIED`, `E_SYSCALL`
 */
export async function readEnvFile(path: string): Promise<string[]> {
  const bytes = await guarded(`read ${path}`, () => readStart(path));
  if (bytes.length > MAX_BYTES) {
    throw new VarveError("E_LIMIT", `Cannot read ${path}: it is larger than ${MAX_BYTES} bytes`, {
      subject: path,
    });
  }
  try {
    return parseEnvFile(path, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Other bytes would reach the container as U+FFFD.
    throw new VarveError("E_USAGE", `Cannot read ${path}: it is not UTF-8`, { subject: path });
  }
}

/** The first bytes of a file, one more than it may have. It may be a pipe, or a device without an end. */
async function readStart(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(MAX_BYTES + 1);
  let size = 0;
  while (size < bytes.length) {
    const read = await file.read(bytes.subarray(size));
    if (read === null) break;
    size += read;
  }
  return bytes.subarray(0, size);
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
