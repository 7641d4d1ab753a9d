import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { DEFAULT_RULES, parseRules, type Rules, type Verdict } from "../../../explore/mod.ts";
import { isErrno } from "../../../linux/mod.ts";
import { readSmallFile } from "../../files/read_small_file.ts";

/** The file of rules that is read where none is named, if it is there. */
const DEFAULT_FILE = ".dive-ci";
/** Largest file of rules that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the rules of a file.
 *
 * @param file path of the file; `true` for that of this directory, or the default rules where there is none
 * @throws {VarveError} `E_NOT_FOUND` there is no such file · `E_USAGE` it holds no rules · `E_LIMIT` it is too large
 */
export async function readRules(file: string | true): Promise<Rules> {
  const path = file === true ? DEFAULT_FILE : file;
  try {
    const bytes = await readSmallFile(path, MAX_BYTES, `read rules from ${path}`);
    return parseRules(new TextDecoder().decode(bytes), path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    if (file === true) return DEFAULT_RULES;
    throw new VarveError("E_NOT_FOUND", `Cannot read rules from ${path}: there is no such file`, {
      subject: path,
    });
  }
}

/** Verdicts as JSON. */
export function verdictsJson(verdicts: readonly Verdict[]): unknown {
  return verdicts.map((verdict) => ({
    ...verdict,
    // JSON has no Infinity.
    actual: Number.isFinite(verdict.actual) ? verdict.actual : null,
    paths: verdict.paths.map(shownPath),
  }));
}

/** A path as it is printed. */
export function shownPath(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}
