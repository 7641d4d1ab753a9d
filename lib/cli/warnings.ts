import { type Warning, WARNING_CODES } from "../layer/mod.ts";
import type { Context } from "./context.ts";

/** Says what was left out of something. */
export function warnOf(context: Context, what: string, warnings: readonly Warning[]): void {
  for (const { code, count, example } of warnings) {
    context.warn(`${what}: ${WARNING_CODES[code]} (${code}): ${count}×, first ${example}`);
  }
}
