import { assertEquals, assertNotEquals } from "@std/assert";
import { tempDir } from "../machine/temp_dir.ts";
import { lazyParts } from "./lazy_parts.ts";

/** The modules that Deno loads before a program begins. */
async function modulesOf(entry: string): Promise<number> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", "--no-lock", entry],
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).modules.length;
}

Deno.test("a part is loaded when it is imported, and not before", async () => {
  await using temp = await tempDir();
  const code = 'console.log((await import("./part-0ABCDEF9.js")).default);\n';
  const lazy = lazyParts(code);
  assertNotEquals(lazy, code);
  await Deno.writeTextFile(temp.join("part-0ABCDEF9.js"), "export default 7;");
  await Deno.writeTextFile(temp.join("eager.js"), code);
  await Deno.writeTextFile(temp.join("lazy.js"), lazy);
  assertEquals(await modulesOf(temp.join("eager.js")), 2);
  assertEquals(await modulesOf(temp.join("lazy.js")), 1);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--no-config", temp.join("lazy.js")],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "7\n");
});

Deno.test("other imports stay as they are", () => {
  for (
    const code of ['import("node:fs")', 'import("./a.ts")', 'import x from "./p-0ABCDEF9.js";']
  ) assertEquals(lazyParts(code), code);
});
