import { escapeJson, escapeText } from "../../bytes/mod.ts";

/** How a log is written. */
export type LogFormat = "text" | "json";

/** One line of a log. */
export interface LogEntry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: "info" | "warning" | "error";
  /** What happened. It is left out of the text where it is the level. */
  readonly event: string;
  /** The facts, in their order; what is null is left out of the text. `message` ends the line. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A line of a log, without the line feed: JSON, or text with fields `name=value`. It has no character that controls a
 * terminal. */
export function logFields({ time, level, event, facts }: LogEntry, format: LogFormat): string {
  const at = new Date(time).toISOString();
  const ms = typeof facts["ms"] === "number" ? { ms: Math.round(facts["ms"] * 10) / 10 } : {};
  if (format === "json") {
    return escapeJson(JSON.stringify({ time: at, level, event, ...facts, ...ms }));
  }
  const { message, ...rest } = { message: undefined, ...facts, ...ms } as Record<string, unknown>;
  const fields = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`);
  const text = [at, level, ...(event === level ? [] : [event]), ...fields].join(" ");
  return escapeText(message === undefined ? text : `${text}: ${message}`);
}

/** Quoted where it has a space, as containerd's keys have. */
function shown(value: unknown): string {
  const text = String(value);
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
