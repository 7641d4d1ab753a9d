import { VarveError } from "../errors.ts";

/** What a person can do about it. */
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or use a root on another file system",
  EDQUOT: "the quota is used up: free some space or raise it",
  EMFILE: "raise the limit on open files (ulimit -n), or use fewer workers",
};

/**
 * Gives the error of a call of Deno's file API as a {@linkcode VarveError} `E_SYSCALL`; any other as it is.
 *
 * `what` reads "Cannot <verb> <thing>".
 */
export function fsError(error: unknown, what: string, syscall: string): unknown {
  const errno = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  if (error instanceof VarveError || typeof errno !== "string") return error;
  const hint = HINTS[errno];
  const reason = (error as Error).message.replace(/ \(os error \d+\).*$/s, "").toLowerCase();
  return new VarveError("E_SYSCALL", `${what}: ${reason}`, {
    errno,
    syscall,
    ...(hint === undefined ? {} : { hint }),
  }, { cause: error });
}
