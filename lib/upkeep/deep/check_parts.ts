import { wrongParts } from "../../store/internal.ts";
import type { DeepPass } from "./contract.ts";
import { hasDigest } from "./scope.ts";

/** Compares what is noted about the documents with the documents. */
export async function checkParts({ store, scope, report, signal }: DeepPass): Promise<void> {
  for (const key of await wrongParts(store, (digest) => hasDigest(scope, digest), signal)) {
    report({
      kind: "row",
      what: `row of part ${key}`,
      expected: "the parts that the document names",
      actual: "others",
      healedBy: "rebuild",
      site: { at: "row", table: "part", key },
    });
  }
}
