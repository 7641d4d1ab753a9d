import { type ByteString, escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { type Fd, isErrno, Open, openInRoot, ownFd, statFd } from "../../linux/mod.ts";
import { normalizePath } from "../bundle/volume.ts";

/**
 * A command that cannot be started. `exit` is the exit code of a shell: 126 found but not
 * executable, 127 not found.
 */
export class CommandError extends VarveError {
  /** Exit code of a shell for this failure. */
  readonly exit: 126 | 127;

  /** `state` is the reason, as in "Cannot run <command>: <state>". */
  constructor(exit: 126 | 127, command: string, state: string) {
    const shown = escapeForTerminal(fromText(command));
    super(exit === 126 ? "E_DENIED" : "E_MISSING", `Cannot run ${shown}: ${state}`, {
      subject: shown,
    });
    this.exit = exit;
  }
}

/**
 * Checks that a root has a program and that it is executable. The program is found as by execvp(3): a name without a
 * slash is looked for in the directories of `searchPath`.
 *
 * @throws {CommandError} it does not exist, or nobody may execute it
 */
export function checkExecutable(
  root: Fd,
  command: { readonly program: string; readonly searchPath: string; readonly workingDir: string },
): void {
  const { program, searchPath, workingDir } = command;
  const candidates = program.includes("/")
    ? [program.startsWith("/") ? program : normalizePath(`${workingDir}/${program}`)]
    : searchPath.split(":").map((directory) => normalizePath(`${directory}/${program}`));
  let there: string | undefined;
  for (const candidate of candidates) {
    const verdict = judge(root, fromText(candidate));
    if (verdict === "executable") return;
    if (verdict !== "missing") there ??= verdict;
  }
  if (there !== undefined) throw new CommandError(126, program, there);
  throw new CommandError(
    127,
    program,
    program.includes("/")
      ? "the image has no such file"
      : "the image has no such program in its PATH",
  );
}

function judge(root: Fd, path: ByteString): string {
  try {
    using file = ownFd(openInRoot(root, path, Open.PATH));
    const { type, mode } = statFd(file.fd);
    if (type !== "file") return `it is a ${type}`;
    return (mode & 0o111) === 0 ? "it is not executable" : "executable";
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return "missing";
    throw error;
  }
}
