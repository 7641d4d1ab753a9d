import { escapeLines } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { fileError } from "../../linux/mod.ts";
import type { Io } from "../io.ts";
import { wrapText } from "./wrap.ts";

/** Number of characters that are collected before a write. */
const BATCH = 64 * 1024;

/** Columns by which the second and later lines of a message are indented. */
const HANG = 2;

/**
 * The reader of standard output closed it, as `head` does in `varve save app | head -c 1`. That is not an error to
 * report.
 */
export class ClosedOutput extends Error {
  /** Always `"ClosedOutput"`. */
  override readonly name = "ClosedOutput";
}

/**
 * Wraps the streams. A write to standard output fails with a readable message, or with {@linkcode ClosedOutput}. It ends
 * with the reason of `signal` if that is aborted meanwhile: nobody may ever read what is written.
 */
export function checkedOutput(io: Io, signal: AbortSignal): Io {
  return {
    ...io,
    async stdout(data) {
      try {
        await unlessAborted(() => io.stdout(data), signal);
      } catch (error) {
        if (signal.aborted && error === signal.reason) throw error;
        if (error instanceof Deno.errors.BrokenPipe) throw new ClosedOutput();
        throw withoutStore(fileError(error, "write to standard output"));
      }
    },
  };
}

/** The error for a full disk, without the hint for one that holds the store: standard output goes elsewhere. */
function withoutStore(error: unknown): unknown {
  if (!(error instanceof VarveError) || error.details.errno !== "ENOSPC") return error;
  const hint = "free some space where it goes to";
  return new VarveError(error.code, error.message, { ...error.details, hint }, { cause: error });
}

/** Waits for a write, but not after `signal` is aborted meanwhile. */
async function unlessAborted(write: () => Promise<void>, signal: AbortSignal): Promise<void> {
  // What a verb reports that has ended in spite of a signal is written.
  if (signal.aborted) return await write();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    await Promise.race([write(), promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Writes a message to standard error. On a terminal it is broken between words. */
export function writeMessage(io: Io, text: string): void {
  io.stderr(wrapText(text, io.size?.("stderr")?.columns, HANG));
}

/** Writes parts of a text to standard output, many parts in one write. */
export async function writeParts(io: Io, parts: Iterable<string>): Promise<void> {
  let batch = "";
  for (const part of parts) {
    batch += part;
    if (batch.length < BATCH) continue;
    await io.stdout(batch);
    batch = "";
  }
  if (batch !== "") await io.stdout(batch);
}

/**
 * Writes bytes of an image or a registry to standard output. On a terminal, characters that could control it are
 * escaped. Elsewhere the bytes are written as they are.
 */
export async function writeForeign(
  io: Io,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  if (!io.isTerminal("stdout")) {
    for await (const chunk of chunks) await io.stdout(chunk);
    return;
  }
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for await (const chunk of chunks) {
    await io.stdout(escapeLines(decoder.decode(chunk, { stream: true })));
  }
  await io.stdout(escapeLines(decoder.decode()));
}
