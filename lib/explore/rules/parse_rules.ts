import { loadAll, YAMLException } from "js-yaml";
import { VarveError } from "../../errors.ts";
import { DEFAULT_RULES, type RuleName, type Rules } from "./contract.ts";
import { parseBytes } from "./parse_bytes.ts";

/** How the value of each rule is read. `undefined` when it is not of that kind. */
const READERS: { readonly [Name in RuleName]-?: (value: unknown) => Rules[Name] } = {
  lowestEfficiency: ratio,
  highestWastedBytes: bytes,
  highestUserWastedPercent: ratio,
  maxBytes: bytes,
  maxLayers: (value) =>
    Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined,
  setuid: allowed,
  worldWritable: allowed,
  forbidden: globs,
};

/** What each rule takes, for messages. */
const KINDS: Readonly<Record<RuleName, string>> = {
  lowestEfficiency: "a number from 0 to 1",
  highestWastedBytes: "a number of bytes, such as 20MB",
  highestUserWastedPercent: "a number from 0 to 1",
  maxBytes: "a number of bytes, such as 20MB",
  maxLayers: "a number",
  setuid: "deny, or a list of globs that may be",
  worldWritable: "deny, or a list of globs that may be",
  forbidden: "a list of globs",
};

/** The names that some versions of dive give to its rules. */
const ALIASES: ReadonlyMap<string, RuleName> = new Map([
  ["lowest-efficiency-threshold", "lowestEfficiency"],
  ["highest-wasted-bytes", "highestWastedBytes"],
  ["highest-user-wasted-percent", "highestUserWastedPercent"],
]);

/** Names of all rules, in the order in which they are judged. */
export const RULE_NAMES: readonly RuleName[] = Object.keys(READERS) as RuleName[];

/**
 * Reads a file of rules in the form of dive's `.dive-ci`: YAML, with the rules at the top or below `rules`. A rule that
 * the file does not have is as in {@linkcode DEFAULT_RULES}. The values `disabled`, `off`, `false` and an empty one
 * disable a rule.
 *
 * @param label name of the file, for messages
 * @throws {VarveError} `E_USAGE` it is no YAML, or has a rule or a value that is unknown
 */
export function parseRules(text: string, label: string): Rules {
  const rules: { -readonly [Name in RuleName]?: unknown } = { ...DEFAULT_RULES };
  for (const [key, value] of Object.entries(ruleTable(text, label))) {
    const name = ALIASES.get(key) ?? RULE_NAMES.find((one) => one === key);
    if (name === undefined) {
      throw unreadable(label, `there is no rule ${JSON.stringify(key)}`, RULE_NAMES.join(", "));
    }
    rules[name] = isDisabled(value) ? undefined : READERS[name](value);
    if (isDisabled(value) || rules[name] !== undefined) continue;
    throw unreadable(label, `rule ${name} has no such value`, KINDS[name]);
  }
  return rules as Rules;
}

function ruleTable(text: string, label: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    const documents: readonly unknown[] = loadAll(text);
    if (documents.length > 1) throw unreadable(label, "it has several documents", "keep one");
    document = documents[0] ?? {};
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw unreadable(label, error.message.split("\n", 1)[0] as string, "write YAML");
  }
  const table = isTable(document) && "rules" in document ? document["rules"] ?? {} : document;
  if (isTable(table)) return table;
  throw unreadable(label, "it has no table of rules", "write YAML as for dive: rules:");
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDisabled(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === "string" &&
    ["", "disabled", "off", "false"].includes(value.trim().toLowerCase());
}

function ratio(value: unknown): number | undefined {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && number >= 0 && number <= 1 ? number : undefined;
}

function bytes(value: unknown): number | undefined {
  return typeof value === "string" || typeof value === "number"
    ? parseBytes(String(value))
    : undefined;
}

function allowed(value: unknown): readonly string[] | undefined {
  return value === "deny" ? [] : globs(value);
}

function globs(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.every((one) => typeof one === "string" && one !== "") ? value : undefined;
}

function unreadable(label: string, reason: string, hint: string): VarveError {
  return new VarveError("E_USAGE", `Cannot read rules from ${label}: ${reason}`, {
    subject: label,
    hint,
  });
}
