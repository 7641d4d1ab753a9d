import type { ServeEvent } from "../../../containerd/mod.ts";
import { logFields, type LogFormat } from "../../display/log_fields.ts";

/** Codes that are a part of the conversation: containerd asks for what may not be there. */
const EXPECTED = new Set(["NotFound", "AlreadyExists", "Unimplemented", "Cancelled"]);

/** An event as one line, without the line feed. `time` is in milliseconds since the epoch. */
export function logLine(event: ServeEvent, format: LogFormat, time: number): string {
  const { kind, ...facts } = event;
  return logFields({ time, level: levelOf(event), event: kind, facts }, format);
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
