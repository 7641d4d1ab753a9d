import type { Warning } from "../../layer/mod.ts";

/** Adds up several lists of warnings. Keeps the first example of each code. */
export function mergeWarnings(lists: readonly (readonly Warning[])[]): readonly Warning[] {
  const merged = new Map<Warning["code"], Warning>();
  for (const warning of lists.flat()) {
    const { code, count, example } = merged.get(warning.code) ?? { ...warning, count: 0 };
    merged.set(code, { code, count: count + warning.count, example });
  }
  return [...merged.values()].sort((a, b) => a.code < b.code ? -1 : 1);
}
