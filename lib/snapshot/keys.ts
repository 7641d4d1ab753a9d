import { VarveError } from "../errors.ts";
import { RELEASED_LABEL } from "../store/internal.ts";

/** Longest key or name, in UTF-8 bytes. Keys are only in the database, never in a path. */
export const MAX_KEY_BYTES = 4096;
/** Longest label, key and value together, in UTF-8 bytes (containerd's limit). */
export const MAX_LABEL_BYTES = 4096;

/** Quotes a key or a name for a message, and shortens a long one. */
export function quoteKey(key: string): string {
  return JSON.stringify(key.length > 200 ? `${key.slice(0, 200)}…` : key);
}

const encoder = new TextEncoder();

/**
 * Checks a key or a name.
 *
 * @throws {VarveError} `E_USAGE` it is empty, too long, holds a control character or is not
 * well-formed text
 */
export function checkKey(key: string): void {
  if (key === "") throw new VarveError("E_USAGE", "Cannot use a snapshot key: it is empty");
  if (encoder.encode(key).length > MAX_KEY_BYTES) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use a snapshot key: longer than ${MAX_KEY_BYTES} bytes`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(key) || !key.isWellFormed()) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use snapshot key ${JSON.stringify(key)}: it holds control characters`,
      { subject: JSON.stringify(key) },
    );
  }
}

/** Label of an extract snapshot: whether its mounts show what lies below it, {@linkcode BELOW}. */
export const EXTRACT_LABEL = "varve.extract";
/** Values of {@linkcode EXTRACT_LABEL}. */
export const BELOW = { hidden: "hidden", shown: "shown" } as const;

/** State of a new extract snapshot: it needs no lowers. */
export const EXTRACT_STATE: Readonly<Record<string, string>> = {
  [EXTRACT_LABEL]: BELOW.hidden,
  [RELEASED_LABEL]: "1",
};

/** Labels that are the state of a snapshot. Callers cannot set them. */
const STATE_LABELS: ReadonlySet<string> = new Set([RELEASED_LABEL, EXTRACT_LABEL]);

/** Whether a label is a part of the state of a snapshot. */
export function isStateLabel(key: string): boolean {
  return STATE_LABELS.has(key);
}

/** The labels among others that are the state of a snapshot. */
export function stateLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => STATE_LABELS.has(key)));
}

/**
 * Checks labels and leaves out those with an empty value, which means "no such label", and those of the state.
 *
 * @throws {VarveError} `E_USAGE` a label is too long or has an empty key
 */
export function keptLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(labels)
    .filter(([key, value]) => value !== "" && !STATE_LABELS.has(key));
  for (const [key, value] of kept) {
    if (key === "") throw new VarveError("E_USAGE", "Cannot set a label: its key is empty");
    if (encoder.encode(key).length + encoder.encode(value).length > MAX_LABEL_BYTES) {
      throw new VarveError(
        "E_USAGE",
        `Cannot set label ${
          JSON.stringify(key.slice(0, 64))
        }: it is longer than ${MAX_LABEL_BYTES} bytes`,
      );
    }
  }
  // fromEntries, because an assignment to a label called __proto__ would be lost.
  return Object.fromEntries(kept);
}
