import { escapeText } from "../../../bytes/mod.ts";
import type { ServeEvent } from "../../../containerd/mod.ts";

/** Codes that are a part of the conversation: containerd asks for what may not be there. */
const EXPECTED = new Set(["NotFound", "AlreadyExists", "Unimplemented", "Cancelled"]);

/** How a log is written. */
export type LogFormat = "text" | "json";

/** An event as one line, without the line feed. `time` is in milliseconds since the epoch. */
export function logLine(event: ServeEvent, format: LogFormat, time: number): string {
  const { kind, ...facts } = event;
  const level = levelOf(event);
  const at = new Date(time).toISOString();
  const ms = "ms" in facts ? { ms: Math.round(facts.ms * 10) / 10 } : {};
  if (format === "json") return JSON.stringify({ time: at, level, event: kind, ...facts, ...ms });
  const { message, ...rest } = { message: undefined, ...facts, ...ms } as Record<string, unknown>;
  const fields = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`);
  const text = [at, level, ...(kind === level ? [] : [kind]), ...fields].join(" ");
  return escapeText(message === undefined ? text : `${text}: ${message}`);
}

function levelOf(event: ServeEvent): "info" | "warning" | "error" {
  if (event.kind === "applied") return "info";
  if (event.kind === "warning") return "warning";
  if (!EXPECTED.has(event.code)) return "error";
  // Another applier now extracts the layer into varve's own snapshot.
  const isExtracted = event.method === "Apply" && event.code === "Unimplemented" &&
    event.key !== null;
  return isExtracted ? "warning" : "info";
}

/** Quoted where it has a space, as containerd's keys have. */
function shown(value: unknown): string {
  const text = String(value);
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
