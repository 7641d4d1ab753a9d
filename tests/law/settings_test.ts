import { assertEquals } from "@std/assert";
import { PROJECT } from "./sources.ts";

interface Settings {
  license: string;
  compilerOptions: Record<string, boolean>;
  lint: { plugins: string[]; rules: { tags: string[]; include: string[] } };
  test: Record<string, boolean>;
  publish: { exclude: string[] };
  tasks: Record<string, { command: string }>;
}

const settings: Settings = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));

Deno.test("deno.json: the compiler is strict, and what it emits needs no inference", () => {
  for (
    const option of [
      "strict",
      "isolatedDeclarations",
      "erasableSyntaxOnly",
      "verbatimModuleSyntax",
      "exactOptionalPropertyTypes",
      "noUncheckedIndexedAccess",
      "noImplicitOverride",
    ]
  ) assertEquals(settings.compilerOptions[option], true, option);
});

Deno.test("deno.json: linter, sanitizers and package are set as the laws assume", () => {
  assertEquals(settings.lint.plugins, ["./tests/law/plugin.ts"]);
  assertEquals(settings.lint.rules.tags, ["recommended", "jsr"]);
  assertEquals(settings.lint.rules.include.includes("no-console"), true);
  // Both are off by default.
  assertEquals(settings.test, { sanitizeOps: true, sanitizeResources: true });
  assertEquals(settings.publish.exclude, ["examples", "tests", ".ci"]);
});

Deno.test("the licence of the package is the one that lies beside it", async () => {
  assertEquals(settings.license, "Apache-2.0");
  const text = await Deno.readTextFile(`${PROJECT}/LICENSE`);
  assertEquals(/Apache License\s+Version 2\.0/.test(text), true);
});

Deno.test("every task runs a file that is there", async () => {
  for (const [name, { command }] of Object.entries(settings.tasks)) {
    for (const [path] of command.matchAll(/\b(?:lib|tests)\/\S+\.ts\b/g)) {
      const found = await Deno.stat(`${PROJECT}/${path}`).catch(() => undefined);
      assertEquals(found?.isFile, true, `${name}: ${path}`);
    }
  }
});
