import { VarveError } from "../../errors.ts";

/** The error of an ingest that is used after its end. */
export function ingestEnded(): VarveError {
  return new VarveError(
    "E_PRECONDITION",
    "Cannot use the ingest: it was committed or disposed already",
  );
}
