import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("snapshot rm removes all that it is given, or none", async () => {
  await using temp = await tempDir();
  const on = commandOn(temp.join("store"));
  const run = async (...args: string[]) => await on(["snapshot", ...args, "--driver", "native"]);
  const keys = async () =>
    JSON.parse((await on(["snapshot", "ls", "--format", "json"])).stdout)
      .map(({ key }: { key: string }) => key);
  for (
    const args of [
      ["prepare", "other"],
      ["prepare", "work"],
      ["commit", "base", "work"],
      ["prepare", "child", "base"],
    ]
  ) {
    const { code, stderr } = await run(...args);
    assertEquals(code, 0, stderr);
  }
  const all = await keys();
  assertEquals(all, ["base", "child", "other"]);
  for (const given of [["other", "base"], ["other", "base", "child"], ["other", "absent"]]) {
    const { code, stdout, stderr } = await run("rm", ...given);
    assertEquals([code, stdout], [given[1] === "absent" ? 4 : 6, ""], stderr);
    assertStringIncludes(stderr, `snapshot "${given[1]}"`);
    assertEquals(await keys(), all, `${given}`);
  }
  const { code, stdout } = await run("rm", "other", "child", "base");
  assertEquals([code, stdout, await keys()], [0, "other\nchild\nbase\n", []]);
});
