import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { DEFAULT_RULES, parseRules } from "../../../../lib/explore/mod.ts";

const OFF = {
  lowestEfficiency: undefined,
  highestUserWastedPercent: undefined,
};

Deno.test("rules: the defaults of dive hold where a file says nothing", () => {
  assertEquals(DEFAULT_RULES, { lowestEfficiency: 0.9, highestUserWastedPercent: 0.1 });
  for (const text of ["", "# nothing\n", "rules:\n", "{}"]) {
    assertEquals(parseRules(text, "x"), DEFAULT_RULES, text);
  }
});

Deno.test("rules: the file of dive's documentation, and the names of its later versions", () => {
  const documented =
    "rules:\n  lowestEfficiency: 0.95\n  highestWastedBytes: 20MB\n  highestUserWastedPercent: 0.20\n";
  const expected = {
    lowestEfficiency: 0.95,
    highestWastedBytes: 20_000_000,
    highestUserWastedPercent: 0.2,
  };
  assertEquals(parseRules(documented, ".dive-ci"), expected);
  const later = 'lowest-efficiency-threshold: "0.95"\nhighest-wasted-bytes: 20MB\n' +
    "highest-user-wasted-percent: 0.2\n";
  assertEquals(parseRules(later, ".dive-ci"), expected);
});

Deno.test("rules: a rule can be disabled in each way that dive knows", () => {
  for (const off of ["disabled", "off", "false", '""', "Disabled", ""]) {
    const text = `rules:\n  lowestEfficiency: ${off}\n  highestUserWastedPercent: ${off}\n`;
    assertEquals(parseRules(text, "x"), OFF, off);
  }
});

Deno.test("rules: varve's own", () => {
  const text = `rules:
  lowestEfficiency: off
  highestUserWastedPercent: off
  maxBytes: 1MiB
  maxLayers: 3
  setuid: deny
  worldWritable: ["/var/www/**"]
  forbidden: ["*.pem", /root/.ssh/**]
`;
  assertEquals(parseRules(text, "x"), {
    ...OFF,
    maxBytes: 1024 * 1024,
    maxLayers: 3,
    setuid: [],
    worldWritable: ["/var/www/**"],
    forbidden: ["*.pem", "/root/.ssh/**"],
  });
});

Deno.test("rules: what cannot be read is refused, and said", () => {
  const cases = [
    ["rules: [", "rules from x"],
    ["just text", "no table of rules"],
    ["maxLayers: 1\n---\nmaxLayers: 2", "several documents"],
    ["rules: 3", "no table of rules"],
    ["- a", "no table of rules"],
    ["rules: {lowestEficiency: 0.9}", 'no rule "lowestEficiency"'],
    ["rules: {constructor: 1}", 'no rule "constructor"'],
    ["rules: {toString: off}", 'no rule "toString"'],
    ["rules: {lowestEfficiency: 2}", "rule lowestEfficiency has no such value"],
    ["rules: {highestWastedBytes: many}", "rule highestWastedBytes"],
    ["rules: {maxLayers: -1}", "rule maxLayers"],
    ["rules: {setuid: allow}", "rule setuid"],
    ["rules: {forbidden: deny}", "rule forbidden"],
    ["rules: {forbidden: [1]}", "rule forbidden"],
    ["a: &a [*a, *a, *a, *a]\nrules: *b", "rules from x"],
  ] as const;
  for (const [text, message] of cases) {
    const error = assertThrows(() => parseRules(text, "x"), VarveError, message);
    assertEquals(error.code, "E_USAGE", text);
  }
});
