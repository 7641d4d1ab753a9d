import { VarveError } from "../../errors.ts";
import { errnoName } from "../libc/errno.ts";
import { permissionError } from "./permissions.ts";

/** What the user can do about an error. */
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or use a root on another file system",
  EDQUOT: "the quota is used up: free some space or raise it",
  EROFS: "the file system is mounted read-only",
  ENOLCK:
    "the file system has no locks: on NFS, start the lock daemon (rpc.statd), or use a root on a local disk",
  EMFILE: "raise the limit on open files (ulimit -n), or use fewer workers",
};

/**
 * The name of the kernel's error, such as `"ENOSPC"`, in an error of Deno's file API or a
 * {@linkcode VarveError}.
 */
export function fileErrno(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof VarveError) return error.details.errno;
  const { code } = error as { code?: unknown | undefined };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  // Deno's errors have no `code` for most numbers, such as those of EIO, EDQUOT and ENOLCK.
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  return number === undefined ? undefined : errnoName(Number(number));
}

/**
 * The error that ended a block, if disposing of what the block used failed, too: the second failure is often only a
 * consequence of the first. All other errors are returned unchanged.
 */
export function firstError(error: unknown): unknown {
  let first = error;
  while (first instanceof SuppressedError) first = first.suppressed;
  return first;
}

/** Whether an error says that the disk is full, or the quota used up. */
export function isNoSpace(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(fileErrno(error) ?? "");
}

/** Whether an error says that there are too many open files, or too little memory. It says nothing about the file. */
export function isExhausted(error: unknown): boolean {
  return ["EMFILE", "ENFILE", "ENOMEM"].includes(fileErrno(error) ?? "");
}

/**
 * Turns an error of Deno's file API into a {@linkcode VarveError}: `E_DENIED` if Deno or the kernel does not permit
 * it, otherwise `E_SYSCALL`, with the kernel's name of the error. If Deno lacks a permission, the hint names the
 * flag that grants it; this holds for errors of Deno's other APIs too. Of two errors it takes the {@linkcode firstError}.
 * All other errors are returned unchanged.
 *
 * @param thrown an error of any kind
 * @param action what could not be done; it follows "Cannot " in the message
 * @param syscall the system call that failed, if known
 */
export function fileError(thrown: unknown, action: string, syscall?: string): unknown {
  const error = firstError(thrown);
  if (error instanceof VarveError) return error;
  const permission = permissionError(error, action);
  if (permission !== undefined) return permission;
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

/**
 * Runs `fn` and passes its errors through {@linkcode fileError}.
 *
 * @param action what `fn` does; it follows "Cannot " in the message
 */
export async function guarded<T>(action: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw fileError(error, action);
  }
}

/** Like {@linkcode guarded}, for a synchronous function. */
export function guardedSync<T>(action: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw fileError(error, action);
  }
}
