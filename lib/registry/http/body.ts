import { joinBytes } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { NetworkFailure } from "./exchange.ts";
import { networkState } from "./network_state.ts";
import { registryError } from "./redact.ts";

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
 * @throws {NetworkFailure} when the connection breaks or makes no progress
 */
export async function* readBody(
  response: Response,
  { action, idleTimeout, signal }: BodyOptions,
): AsyncGenerator<Uint8Array, void, void> {
  if (response.body === null) return;
  const reader = response.body.getReader({ mode: "byob" });
  // A read that waits ends as if the body did.
  const cancel = () => void reader.cancel().catch(() => {});
  const patience = new Patience(idleTimeout, cancel);
  let buffer = new ArrayBuffer(READ_BYTES);
  let complete = false;
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      patience.begin();
      const { done, value } = await reader.read(new Uint8Array(buffer)).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new NetworkFailure(action, networkState(error).state);
      });
      signal?.throwIfAborted();
      patience.end(value?.length ?? 0);
      if (patience.isOver) {
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
    patience.stop();
    signal?.removeEventListener("abort", cancel);
    if (!complete) await reader.cancel().catch(() => {});
  }
}

/** How long a peer may make no progress. One timer for all reads: each is too short for its own. */
class Patience {
  /** Whether it has ended. */
  isOver = false;
  readonly #whole: number;
  readonly #onEnd: () => void;
  #left: number;
  #bytes = 0;
  /** Since when a read waits. */
  #since: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, onEnd: () => void) {
    this.#whole = this.#left = ms;
    this.#onEnd = onEnd;
  }

  /** A read begins. */
  begin(): void {
    this.#since = performance.now();
    if (this.#timer === undefined) this.#arm(this.#left);
  }

  /** It brought so many bytes. */
  end(bytes: number): void {
    this.#left -= performance.now() - (this.#since ?? 0);
    this.#since = null;
    this.#bytes += bytes;
    if (this.#bytes >= PROGRESS_BYTES) [this.#left, this.#bytes] = [this.#whole, 0];
  }

  /** There are no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.max(1, ms));
  }

  #look(): void {
    const waited = this.#since === null ? 0 : performance.now() - this.#since;
    const left = this.#left - waited;
    if (this.#since === null || left > 0) return this.#arm(left);
    this.isOver = true;
    this.#onEnd();
  }
}

/**
 * The whole of a small body.
 *
 * @throws {VarveError} `E_LIMIT` above `maxBytes`; `E_REGISTRY` when it takes longer than four idle time-outs in all; as {@linkcode readBody}
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
  return joinBytes(chunks);
}
