import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { type ErrorCode, type ErrorDetails, VarveError } from "../../errors.ts";
import { type Fd, statFd, tryStatAt } from "../../linux/mod.ts";

/**
 * Turns the error of a system call into an error of the extraction, which says which path failed
 * and what the errno means.
 */
export function explainFailure(
  error: unknown,
  path: ByteString,
  root: Fd,
  directory: Fd | undefined,
): unknown {
  if (!(error instanceof VarveError) || error.code !== "E_SYSCALL") return error;
  const subject = path === "" ? "the root directory" : escapeForTerminal(path);
  const failed = (code: ErrorCode, state: string, more: ErrorDetails = {}): VarveError =>
    new VarveError(
      code,
      `Cannot extract ${subject}: ${state}`,
      { ...error.details, subject, ...more },
      { cause: error },
    );
  switch (error.details.errno) {
    case "EXDEV":
      return failed("E_XDEV", "another file system is mounted inside the target");
    case "ELOOP":
    case "ENOTDIR":
      return failed("E_PATH_ESCAPE", "a directory was replaced during the extraction");
    case "EEXIST":
      return directory !== undefined && isMountPoint(root, directory, path)
        ? failed("E_XDEV", "another file system is mounted there")
        : failed("E_EXISTS", "the name exists already", {
          hint: "extract into an empty directory",
        });
  }
  const { syscall, subject: attribute } = error.details;
  const text = error.message.slice(error.message.lastIndexOf(": ") + 2);
  return failed("E_SYSCALL", syscall?.endsWith("setxattr") ? `${attribute}: ${text}` : text);
}

function isMountPoint(root: Fd, directory: Fd, path: ByteString): boolean {
  try {
    const home = statFd(root);
    const there = tryStatAt(directory, path.slice(path.lastIndexOf("/") + 1) as ByteString);
    return there !== undefined && (there.mount !== home.mount || there.device !== home.device);
  } catch {
    // Ignored: the first error says more.
    return false;
  }
}
