import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  allPassed,
  DEFAULT_RULES,
  type ExploreReport,
  judge,
  parseRules,
  type Rules,
  type Verdict,
} from "../../../explore/mod.ts";
import { fileError } from "../../../linux/mod.ts";

/** The file of rules that is read where none is named, if it is there. */
const DEFAULT_FILE = ".dive-ci";

/** What the rules say of an image. */
export interface Verdicts {
  readonly all: readonly Verdict[];
  readonly passed: boolean;
  readonly json: unknown;
}

/**
 * Judges an image by the rules of a file.
 *
 * @param file path of the file; `undefined` for that of this directory, or the default rules where there is none
 * @throws {VarveError} `E_NOT_FOUND` there is no such file · `E_USAGE` it holds no rules
 */
export async function judgeBy(report: ExploreReport, file: string | undefined): Promise<Verdicts> {
  const all = judge(report, await readRules(file));
  return {
    all,
    passed: allPassed(all),
    json: all.map((verdict) => ({
      ...verdict,
      // JSON has no Infinity.
      actual: Number.isFinite(verdict.actual) ? verdict.actual : null,
      paths: verdict.paths.map(shownPath),
    })),
  };
}

async function readRules(file: string | undefined): Promise<Rules> {
  const path = file ?? DEFAULT_FILE;
  try {
    return parseRules(await Deno.readTextFile(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(error, `read rules from ${path}`);
    if (file === undefined) return DEFAULT_RULES;
    throw new VarveError("E_NOT_FOUND", `Cannot read rules from ${path}: there is no such file`, {
      subject: path,
    });
  }
}

/** A path as it is printed. */
export function shownPath(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}
