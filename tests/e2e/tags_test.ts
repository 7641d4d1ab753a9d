import { assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { Servers } from "../support/registry/hostile_registry.ts";

Deno.test("H13 names of tags are harmless to a terminal, each on a line of its own", async () => {
  await using servers = new Servers();
  await using temp = await tempDir("varve-tags-");
  const tags = ["1", "\x1b[2Jred", "a\nb", "\u202eevil"];
  const { host } = new URL(servers.start(() => Response.json({ tags })));
  const cli = new Cli(temp.join("store"));
  const shown = await cli.text(["tags", `${host}/app`]);
  assertEquals(shown, "1\n\\u{1b}[2Jred\na\\u{a}b\n\\u{202e}evil\n");
  assertEquals((await cli.json(["tags", `${host}/app`])).tags, tags);
});
