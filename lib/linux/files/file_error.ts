import { VarveError } from "../../errors.ts";

/** Error numbers to which Deno gives no code, by Linux' numbers (the same on x86-64 and aarch64). */
const UNNAMED: Readonly<Record<string, string>> = {
  "5": "EIO",
  "23": "ENFILE",
  "24": "EMFILE",
  "28": "ENOSPC",
  "30": "EROFS",
  "122": "EDQUOT",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or use a root on another file system",
  EDQUOT: "the quota is used up: free some space or raise it",
  EROFS: "the file system is mounted read-only",
  EMFILE: "raise the limit on open files (ulimit -n), or use fewer workers",
};

/** The name of the kernel's error in an error of Deno's file API, where there is one. */
export function fileErrno(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof VarveError) return error.details.errno;
  const { code } = error as { code?: unknown | undefined };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  return number === undefined ? undefined : UNNAMED[number];
}

/**
 * An error of Deno's file API as a {@linkcode VarveError}: `E_DENIED` for missing
 * permission, else `E_SYSCALL`, with the kernel's name of it. Anything else, and
 * what is a VarveError already, is returned as it is.
 *
 * @param action what could not be done, after "Cannot "
 * @param syscall the kernel's call that failed, where that is known
 */
export function fileError(error: unknown, action: string, syscall?: string): unknown {
  if (error instanceof VarveError) return error;
  const errno = fileErrno(error);
  if (errno === undefined) return error;
  const hint = HINTS[errno];
  const reason = (error as Error).message.replace(/ \(os error \d+\).*$/s, "").toLowerCase();
  const code = errno === "EACCES" || errno === "EPERM" ? "E_DENIED" : "E_SYSCALL";
  return new VarveError(code, `Cannot ${action}: ${reason}`, {
    errno,
    syscall,
    hint,
  }, { cause: error });
}

/** Does something with files; the kernel's errors say what could not be done. */
export async function guarded<T>(action: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw fileError(error, action);
  }
}

/** The same for what is synchronous. */
export function guardedSync<T>(action: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw fileError(error, action);
  }
}
