import { VarveError } from "../../errors.ts";
import { CommandError } from "../root/executable.ts";

/** Longest part of a runtime's message to show, in characters. */
const MAX_MESSAGE = 500;

/** Messages of runtimes that mean: the program does not exist, or cannot be executed. */
const NOT_FOUND = /executable file .*not found|exec.*no such file/i;
const NOT_EXECUTABLE =
  /permission denied|is a directory|not a regular file|not executable|exec format error/i;

/**
 * Reads a runtime's failure from its log. The exit code alone does not show whether the runtime or the container
 * failed.
 *
 * @param text the log, with a JSON document on each line
 * @param program the container's program, for the message
 * @returns the last failure; `undefined` if there is none
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

/**
 * Reads from the log of a container without a runtime why it was not entered.
 *
 * @returns `undefined` if the log is empty
 */
export function enterFailure(text: string): VarveError | undefined {
  const message = text.trim().split("\n").at(-1) ?? "";
  if (message === "") return undefined;
  return new VarveError(
    "E_SYSCALL",
    `Cannot enter the container: ${message.slice(0, MAX_MESSAGE)}`,
  );
}

function errorOf(line: string): string | undefined {
  try {
    const { level, msg } = JSON.parse(line);
    return ["error", "fatal"].includes(level) && typeof msg === "string" ? msg : undefined;
  } catch {
    return undefined;
  }
}
