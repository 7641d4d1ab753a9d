import { checkPages } from "../../store/internal.ts";
import { checkContent } from "./check_content.ts";
import { checkDerived } from "./check_derived.ts";
import { checkDocuments } from "./check_documents.ts";
import { checkParts } from "./check_parts.ts";
import { checkTrees } from "./check_trees.ts";
import type { DeepPass } from "./contract.ts";

/**
 * Reads every byte: the pages of the database, blobs, tars and trees, then what is derived from them.
 *
 * What has the wrong size, or is missing, was found by the quick check before.
 */
export async function deepPass(pass: DeepPass): Promise<void> {
  if (pass.scope === null) {
    for (const actual of checkPages(pass.store)) {
      pass.report({
        kind: "database",
        what: "the database",
        expected: "sound pages",
        actual,
        healedBy: "rebuild",
        site: { at: "database" },
      });
    }
  }
  await checkDocuments(pass);
  await checkParts(pass);
  await checkContent(pass);
  const damaged = await checkTrees(pass);
  await checkDerived(pass, damaged);
}
