import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("options that would be ignored are refused before anything is done", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const on = commandOn(root);
  const cases: [args: string[], said: string][] = [
    [["fsck", "--from", "a.tar"], "Cannot check with --from"],
    [["fsck", "--rebuild", "--from", "a.tar"], "Cannot rebuild with --from"],
    [["fsck", "--rebuild", "--repair", "--from", "a.tar"], "Cannot rebuild and repair at once"],
    [["serve", "--metrics", "here"], 'Cannot listen on "here"'],
    [["serve", "--metrics", "here", "--print-units"], 'Cannot listen on "here"'],
    [["serve", "--print-config", "2", "--print-units"], "--print-config with --print-units"],
  ];
  for (const [args, said] of cases) {
    const { code, stdout, stderr } = await on(args);
    assertEquals([code, stdout], [2, ""], `${args}: ${stderr}`);
    assertStringIncludes(stderr, said);
  }
  // None of them has made the store.
  assertEquals((await on(["images"])).code, 4);
});
