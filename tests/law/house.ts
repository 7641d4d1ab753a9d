/**
 * `deno task house` prints the rooms with their files, lines and imports, and the import circles.
 * `deno task house --write` also brings the generated parts of the documents, and the list of
 * verbs for `--help`, up to date.
 */
// deno-lint-ignore-file no-console
import { generatedParts, readDocument, readExports, updateDocument } from "./documents.ts";
import { readHouse } from "./house_facts.ts";
import { houseReport } from "./house_text.ts";
import { PROJECT } from "./sources.ts";
import { SUMMARIES_FILE, summariesModule } from "./summaries.ts";

const house = await readHouse(PROJECT);
console.log(houseReport(house).trimEnd());
if (Deno.args.includes("--write")) {
  for (const [document, parts] of Object.entries(generatedParts(house, await readExports()))) {
    const text = await readDocument(document);
    const updated = updateDocument(document, text, parts);
    if (updated !== text) await Deno.writeTextFile(`${PROJECT}/${document}`, updated);
    console.log(`${document}: ${updated === text ? "is current" : "updated"}`);
  }
  await Deno.writeTextFile(`${PROJECT}/${SUMMARIES_FILE}`, await summariesModule());
}
