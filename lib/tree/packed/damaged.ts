import { VarveError } from "../../errors.ts";

/** Refuses a block. */
export function damaged(what: string): never {
  throw new VarveError("E_FORMAT", `Cannot read tree: ${what}`, {
    hint: "derive the tree from its layer again",
  });
}
