import { VarveError } from "../../errors.ts";

/**
 * Throws the error for a stored tree that is damaged.
 *
 * @throws {VarveError} `E_FORMAT`, always
 */
export function damaged(what: string): never {
  throw new VarveError("E_FORMAT", `Cannot read tree: ${what}`, {
    hint: "derive the tree from its layer again",
  });
}
