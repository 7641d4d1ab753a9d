import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";

/** Errors of the kernel for names that are gone or now name another kind of inode. */
const MOVED = ["ENOENT", "ENOTDIR", "ELOOP", "ESTALE", "ENXIO"];

/** The error about a file or directory that changed while it was read. */
export function changed(path: ByteString, cause?: unknown): VarveError {
  const subject = shown(path);
  return new VarveError(
    "E_BUSY",
    `Cannot read ${subject}: it changed meanwhile`,
    { subject, hint: "stop or pause the processes that write there, then try again" },
    { cause },
  );
}

/** Turns the error of a system call into an error of the scan of a path. */
export function explain(error: unknown, path: ByteString): unknown {
  if (!(error instanceof VarveError) || error.code !== "E_SYSCALL") return error;
  const { errno } = error.details;
  if (errno !== undefined && MOVED.includes(errno)) return changed(path, error);
  const subject = shown(path);
  if (errno === "EXDEV") {
    return new VarveError(
      "E_XDEV",
      `Cannot read ${subject}: another file system is mounted there`,
      { ...error.details, subject, hint: "unmount it first" },
      { cause: error },
    );
  }
  const text = error.message.slice(error.message.lastIndexOf(": ") + 2);
  return new VarveError(
    "E_SYSCALL",
    `Cannot read ${subject}: ${text}`,
    { ...error.details, subject },
    { cause: error },
  );
}

/** Runs `act` on a path, and turns its errors into errors of the scan. */
export function guarded<T>(path: ByteString, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw explain(error, path);
  }
}

/** A path as messages show it. */
export function shown(path: ByteString): string {
  return path === "" ? "the root directory" : escapeForTerminal(path);
}
