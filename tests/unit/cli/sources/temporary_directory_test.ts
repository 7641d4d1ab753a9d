import { assertEquals } from "@std/assert";
import { temporaryDirectory } from "../../../../lib/cli/sources/source_directory.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { namesIn } from "../../../support/trees/names_in.ts";

Deno.test("a temporary directory goes with those that killed processes left beside it, and no other", async () => {
  await using temp = await tempDir();
  const place = { dir: temp.path, prefix: ".trial-" };
  for (const name of [".trial-left", ".trial-left/more", "other", ".trial-used"]) {
    await Deno.mkdir(temp.join(name));
  }
  await Deno.writeTextFile(temp.join(".trial-file"), "");
  using used = await Deno.open(temp.join(".trial-used"));
  await used.lock(true);
  const kept = [".trial-file", ".trial-used", "other"];
  {
    await using made = await temporaryDirectory(place);
    await using beside = await temporaryDirectory(place);
    const names = [made, beside].map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
    assertEquals(namesIn(temp.path).sort(), [...kept, ...names].sort());
  }
  assertEquals(namesIn(temp.path).sort(), kept);
});
