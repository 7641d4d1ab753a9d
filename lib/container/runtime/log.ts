import { VarveError } from "../../errors.ts";
import { CommandError } from "../root/executable.ts";

/** As much of a message as is shown. */
const MAX_MESSAGE = 500;

/** What a runtime says when the program is the reason. */
const NOT_FOUND = /executable file .*not found|exec.*no such file/i;
const NOT_EXECUTABLE =
  /permission denied|is a directory|not a regular file|not executable|exec format error/i;

/**
 * Reads the log of a runtime, which tells its own failures from exit codes of the container.
 *
 * @param text JSON documents, one a line
 * @param program what was to run
 * @returns the failure, or `undefined` when it tells of none
 */
export function runtimeFailure(text: string, program: string): VarveError | undefined {
  for (const line of text.split("\n").reverse()) {
    const message = errorOf(line);
    if (message === undefined) continue;
    const about = message.includes("exec") || message.includes("path");
    if (about && NOT_FOUND.test(message)) {
      return new CommandError(127, program, "the container has no such program");
    }
    if (about && NOT_EXECUTABLE.test(message)) {
      return new CommandError(126, program, "it is not executable");
    }
    return new VarveError(
      "E_SYSCALL",
      `Cannot run the container: ${message.slice(0, MAX_MESSAGE)}`,
    );
  }
  return undefined;
}

function errorOf(line: string): string | undefined {
  try {
    const { level, msg } = JSON.parse(line);
    return ["error", "fatal"].includes(level) && typeof msg === "string" ? msg : undefined;
  } catch {
    return undefined;
  }
}
