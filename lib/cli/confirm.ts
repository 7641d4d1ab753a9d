import { VarveError } from "../errors.ts";
import type { Context } from "./context.ts";

/**
 * Asks the user on the terminal whether to go on.
 *
 * @param option the option that answers yes, for the hint
 * @throws {VarveError} `E_USAGE` standard input is not a terminal
 */
export async function confirm(
  context: Context,
  question: string,
  option: string,
): Promise<boolean> {
  const { io, signal } = context;
  if (!io.isTerminal("stdin")) {
    throw new VarveError(
      "E_USAGE",
      "Cannot ask whether to go on: standard input is not a terminal",
      {
        hint: `give ${option}`,
      },
    );
  }
  context.endProgress();
  io.stderr(`${question} [y/N] `);
  const reader = io.stdin().getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    const decoder = new TextDecoder();
    let answer = "";
    while (!/[\r\n]/.test(answer)) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      answer += decoder.decode(value, { stream: true });
    }
    return /^\s*y(?:es)?\s*$/i.test(answer.split(/[\r\n]/, 1)[0] ?? "");
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
