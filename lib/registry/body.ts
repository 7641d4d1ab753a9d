import { VarveError } from "../errors.ts";
import { networkState } from "./network_state.ts";
import { registryError } from "./text.ts";

/** Bytes that one read asks for. */
const READ_BYTES = 256 * 1024;
/** Bytes that count as progress: a peer that sends one a minute makes none. */
const PROGRESS_BYTES = 1024;

/** How a body is read. */
export interface BodyOptions {
  /** What is read, for messages: `read blob sha256:… from https://…`. */
  readonly action: string;
  /** Milliseconds without progress. */
  readonly idleTimeout: number;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a response's body. A chunk is valid until the next is asked for.
 *
 * Time counts only while a read waits: a slow consumer is not the peer's fault.
 *
 * @throws {VarveError} `E_REGISTRY` when the connection breaks or makes no progress
 */
export async function* readBody(
  response: Response,
  { action, idleTimeout, signal }: BodyOptions,
): AsyncGenerator<Uint8Array, void, void> {
  if (response.body === null) return;
  const reader = response.body.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(READ_BYTES);
  let left = idleTimeout;
  let since = 0;
  let complete = false;
  try {
    for (;;) {
      const begun = performance.now();
      const { done, value } = await within(
        reader.read(new Uint8Array(buffer)),
        left,
        () => void reader.cancel().catch(() => {}),
        registryError(action, `no progress for ${Math.round(idleTimeout / 1000)} s`),
        signal,
      ).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (error instanceof VarveError) throw error;
        throw registryError(action, networkState(error).state);
      });
      if (done || value === undefined) {
        complete = true;
        return;
      }
      left -= performance.now() - begun;
      since += value.length;
      if (since >= PROGRESS_BYTES) [left, since] = [idleTimeout, 0];
      yield value;
      buffer = value.buffer as ArrayBuffer;
    }
  } finally {
    if (!complete) await reader.cancel().catch(() => {});
  }
}

/**
 * The whole of a small body.
 *
 * @throws {VarveError} `E_LIMIT` above `maxBytes`; `E_REGISTRY` as {@linkcode readBody}, and when it takes longer than four idle time-outs in all
 */
export async function readWhole(
  response: Response,
  maxBytes: number,
  options: BodyOptions & { readonly setting?: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const { action, idleTimeout, setting } = options;
  const tooLarge = (size: number | string) =>
    new VarveError(
      "E_LIMIT",
      `Cannot ${action}: ${size} bytes are more than the limit of ${maxBytes}`,
      { expected: maxBytes, actual: size, ...(setting === undefined ? {} : { setting }) },
    );
  const said = Number(response.headers.get("content-length") ?? 0);
  if (said > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(said);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const until = performance.now() + 4 * idleTimeout;
  for await (const chunk of readBody(response, options)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(`${size} or more`);
    if (performance.now() > until) throw registryError(action, "it takes too long");
    chunks.push(new Uint8Array(chunk));
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Waits for a promise, a time, or an abort, whichever is first; `stop` is called for the latter two. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  stop: () => void,
  late: Error,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let cancel: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), Math.max(1, ms));
    cancel = () => reject(signal?.reason);
    signal?.addEventListener("abort", cancel, { once: true });
  });
  let settled = false;
  try {
    const value = await Promise.race([promise, ended]);
    settled = true;
    return value;
  } finally {
    clearTimeout(timer);
    if (cancel !== undefined) signal?.removeEventListener("abort", cancel);
    if (!settled) {
      // Whatever it was, nobody waits for it any more.
      promise.catch(() => {});
      stop();
    }
  }
}
