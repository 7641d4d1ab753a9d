import { assertEquals } from "@std/assert";
import { PROJECT } from "./sources.ts";
import { SUMMARIES_FILE, summariesModule } from "./summaries.ts";

Deno.test("the list of --help has the summary of each verb: deno task house --write", async () => {
  assertEquals(await Deno.readTextFile(`${PROJECT}/${SUMMARIES_FILE}`), await summariesModule());
});
