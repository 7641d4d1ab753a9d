/**
 * Explores an image: what each of its layers brings, changes and removes, which bytes are of no use, and whether it
 * keeps rules. Everything here is pure: layer trees in, a report out.
 *
 * - `merged_walk.ts` walks all layer trees side by side, and `path_changes.ts` says what each layer does to a path.
 * - {@linkcode exploreLayers} sums that up: `waste.ts`, `shown_files.ts` and `dive_score.ts` each look at one question.
 * - `html/` puts the report into one HTML file ({@linkcode htmlPage}), whose program is `page/`.
 * - {@linkcode readColumns} packs all paths for views that are open for long.
 * - {@linkcode reportJson} gives the report the form that programs read.
 * - {@linkcode judge} compares a report with rules, which {@linkcode parseRules} reads from a file such as dive's
 *   `.dive-ci`.
 *
 * @module
 */
export * from "./contract.ts";
export { exploreLayers } from "./explore_layers.ts";
export { GrowingNumbers } from "./growing_numbers.ts";
export { type HtmlChange, type HtmlImage, htmlPage } from "./html/html_page.ts";
export {
  ColumnsBuilder,
  kindOfCode,
  layerOfCode,
  type PathColumns,
  readColumns,
} from "./path_columns.ts";
export { REPORT_VERSION, reportJson } from "./report_json.ts";
export { DEFAULT_RULES, type RuleName, type Rules, type Verdict } from "./rules/contract.ts";
export { allPassed, judge } from "./rules/judge.ts";
export { parseRules } from "./rules/parse_rules.ts";
