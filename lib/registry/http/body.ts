import { joinBytes } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { explainNetworkError } from "./network_error.ts";
import { ProgressTimer } from "./progress_timer.ts";
import { NetworkFailure, registryError } from "./registry_error.ts";

/** Maximum bytes of one read. */
const READ_BYTES = 256 * 1024;

/** Options for reading a body. */
export interface BodyOptions {
  /** The purpose of the read, for messages: `read blob sha256:… from https://…`. */
  readonly action: string;
  /** Milliseconds without progress after which the read fails. */
  readonly idleTimeout: number;
  /** Aborts the read. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a response's body. A chunk is valid until the next chunk is requested.
 *
 * @throws {NetworkFailure} when the connection breaks or makes no progress
 */
export async function* readBody(
  response: Response,
  { action, idleTimeout, signal }: BodyOptions,
): AsyncGenerator<Uint8Array, void, void> {
  if (response.body === null) return;
  const reader = response.body.getReader({ mode: "byob" });
  // Cancelling ends a pending read in the same way as the end of the body.
  const cancel = () => void reader.cancel().catch(() => {});
  const timer = new ProgressTimer(idleTimeout, cancel);
  let buffer = new ArrayBuffer(READ_BYTES);
  let complete = false;
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      timer.beginRead();
      const { done, value } = await reader.read(new Uint8Array(buffer)).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new NetworkFailure(action, explainNetworkError(error).state);
      });
      signal?.throwIfAborted();
      timer.endRead(value?.length ?? 0);
      if (timer.isExpired) {
        throw new NetworkFailure(action, `no progress for ${Math.round(idleTimeout / 1000)} s`);
      }
      if (done || value === undefined) {
        complete = true;
        return;
      }
      yield value;
      buffer = value.buffer as ArrayBuffer;
    }
  } finally {
    timer.stop();
    signal?.removeEventListener("abort", cancel);
    if (!complete) await reader.cancel().catch(() => {});
  }
}

/**
 * Reads the whole of a small body.
 *
 * @throws {VarveError} `E_LIMIT` above `maxBytes` (`setting` raises the limit); `E_REGISTRY` when
 * the whole body takes longer than four idle time-outs; as {@linkcode readBody}
 */
export async function readWhole(
  response: Response,
  maxBytes: number,
  options: BodyOptions & { readonly setting?: string | undefined },
): Promise<Uint8Array<ArrayBuffer>> {
  const { action, idleTimeout, setting } = options;
  const tooLarge = (size: number | string) =>
    new VarveError(
      "E_LIMIT",
      `Cannot ${action}: ${size} bytes are more than the limit of ${maxBytes}`,
      { expected: maxBytes, actual: size, setting },
    );
  const declared = Number(response.headers.get("content-length") ?? 0);
  if (declared > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(declared);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const until = performance.now() + 4 * idleTimeout;
  for await (const chunk of readBody(response, options)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(`${size} or more`);
    if (performance.now() > until) throw registryError(action, "it takes too long");
    // Copy the chunk, because its memory is reused.
    chunks.push(new Uint8Array(chunk));
  }
  return joinBytes(chunks);
}
