import { assertEquals, assertRejects } from "@std/assert";
import { readRules } from "../../../../../lib/cli/verbs/explore/ci_rules.ts";
import { VarveError } from "../../../../../lib/errors.ts";
import { tempDir } from "../../../../support/machine/temp_dir.ts";

Deno.test("a file of rules is read up to a limit, also where it has no end", async () => {
  await using temp = await tempDir();
  const path = temp.join("rules");
  await Deno.writeTextFile(path, "\ufeffrules:\n  maxLayers: 3\n");
  assertEquals((await readRules(path)).maxLayers, 3);
  await Deno.writeTextFile(path, `# ${"x".repeat(1024 * 1024)}\n`);
  await Deno.symlink("/dev/zero", temp.join("zero"));
  for (const large of [path, temp.join("zero")]) {
    const error = await assertRejects(() => readRules(large), VarveError);
    assertEquals(error.code, "E_LIMIT");
  }
  for (const [name, code] of [["none", "E_NOT_FOUND"], ["", "E_SYSCALL"]] as const) {
    const error = await assertRejects(() => readRules(temp.join(name)), VarveError);
    assertEquals(error.code, code);
  }
});
