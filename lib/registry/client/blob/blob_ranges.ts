import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import { type BlobRequest, streamBlob } from "./blob_stream.ts";
import type { Transport } from "../transport.ts";

/** How a large blob may come. */
export interface RangePlan {
  /** Connections that it may have; with 1 it comes by one. */
  readonly connections: number;
  /** Bytes from which a blob is large. */
  readonly largeFrom: number;
}

const MIB = 2 ** 20;
/** What the first connection brings alone, to be measured … */
const PROBE = 6 * MIB;
/** … and how often at most: a reader that is short of time for a moment looks slower than the peer. */
const PROBES = 4;
/** Of that, what is not measured: whoever reads is still getting ready, and looks slower than the peer. */
const WARM_UP = 3 * MIB;
/** What several connections bring before they are judged. */
const TRIAL = 16 * MIB;
/** Least and most bytes of a piece: worth its request, and cheap to hold. */
const PIECE = { least: MIB / 2, most: 4 * MIB } as const;
/** Which part of a blob the pieces on their way are at most: who is killed loses them. */
const LOSS = 1 / 24;
/** Bytes that are given at once. */
const CHUNK = 256 * 1024;
/** Bytes a second above which a connection is fast enough for one reader. */
const FAST = 100 * MIB;
/** How much faster several connections must be than one. */
const GAIN = 1.25;

/**
 * The bytes of a blob in their order, over several connections where that helps: where a large blob
 * comes slowly over one, as from servers that limit each, and where several are faster.
 *
 * The first bytes come alone and are timed, a few times. Then each connection brings pieces into memory, the next
 * ones always; pieces get smaller towards the end, so that little is left to do when the last byte is
 * here. When several connections fail, or do not help, the rest comes by one.
 *
 * Otherwise as {@linkcode streamBlob}. The pieces on their way bound the memory: 4 MiB a connection, and 4 more.
 */
export async function* streamRanges(
  transport: Transport,
  endpoints: readonly Endpoint[],
  request: BlobRequest,
  { connections, largeFrom }: RangePlan,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const { blob, from = 0 } = request;
  const stream = (from: number, to?: number, stop = signal) =>
    streamBlob(
      transport,
      endpoints,
      { ...request, from, to },
      stop,
    );
  if (connections < 2 || blob.size - from < Math.max(largeFrom, PROBE + 2 * MIB)) {
    return yield* stream(from);
  }
  let at = from;
  let slow: Pace | undefined;
  for (let i = 0; i < PROBES && slow === undefined && blob.size - at >= PROBE + 2 * MIB; i++) {
    const end = at + PROBE;
    const alone = new Pace();
    for await (const bytes of alone.watch(stream(at, end), i === 0 ? WARM_UP : 0)) {
      at += bytes.length;
      yield bytes;
    }
    // More came than was asked for: there are no ranges here.
    if (at > end) return;
    if (isSlow(alone)) slow = alone;
  }
  if (slow !== undefined) {
    const least = GAIN * slow.rate;
    const together = new Pace(performance.now());
    // A reader that is not waiting would not be faster with one.
    const helps = () => together.bytes < TRIAL || !isWaitedFor(together) || together.rate >= least;
    const pieces = readAhead(stream, { at, size: blob.size, connections, helps }, signal);
    try {
      for await (const bytes of together.watch(pieces)) {
        at += bytes.length;
        yield bytes;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof VarveError) || error.code !== "E_REGISTRY") throw error;
    }
  }
  if (at < blob.size) yield* stream(at);
}

/** Whether a stream is slow, and it is the peer that makes it so. */
export function isSlow(pace: Pick<Pace, "bytes" | "ms" | "waited">): boolean {
  return isWaitedFor(pace) && pace.bytes / pace.ms * 1000 < FAST;
}

function isWaitedFor({ ms, waited }: Pick<Pace, "ms" | "waited">): boolean {
  return waited > ms / 2;
}

/** How fast bytes come. */
export class Pace {
  /** Bytes that came. */
  bytes = 0;
  /** Milliseconds that they took. */
  ms = 0;
  /** Of those, what was spent waiting for them. */
  waited = 0;
  #since: number | undefined;

  /** `since` starts the clock; without it the first bytes do, and do not count. */
  constructor(since?: number) {
    this.#since = since;
  }

  /** Bytes a second. */
  get rate(): number {
    return this.bytes / this.ms * 1000;
  }

  /** Passes bytes on, and times them; not those before `skip` bytes. */
  async *watch(
    stream: AsyncGenerator<Uint8Array, void, void>,
    skip = 0,
  ): AsyncGenerator<Uint8Array, void> {
    let passed = 0;
    try {
      for (;;) {
        const asked = performance.now();
        const { done, value } = await stream.next();
        if (done === true) return;
        const now = performance.now();
        passed += value.length;
        if (this.#since === undefined) {
          if (passed > skip) this.#since = now;
        } else {
          this.bytes += value.length;
          this.waited += now - asked;
          this.ms = now - this.#since;
        }
        yield value;
      }
    } finally {
      await stream.return();
    }
  }
}

type OpenRange = (
  from: number,
  to: number,
  signal: AbortSignal,
) => AsyncGenerator<Uint8Array, void, void>;

/** Where {@linkcode readAhead} begins, where it ends, and how many pieces are on their way at once. */
interface Stretch {
  readonly at: number;
  readonly size: number;
  readonly connections: number;
  /** Asked before each further piece. */
  readonly helps: () => boolean;
}

/** Pieces in their order, while the next ones come. */
async function* readAhead(
  open: OpenRange,
  { at, size, connections, helps }: Stretch,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const stop = new AbortController();
  const both = AbortSignal.any([stop.signal, signal]);
  const most = clamp(LOSS * size / connections);
  const free: ArrayBuffer[] = [];
  const coming: Promise<Uint8Array<ArrayBuffer>>[] = [];
  let next = at;
  const begin = () => {
    if (next === size || !helps()) return;
    const length = Math.min(size - next, most, clamp((size - next) / (2 * connections)));
    const piece = new Uint8Array(free.pop() ?? new ArrayBuffer(most), 0, length);
    const read = readPiece(open(next, next + length, both), piece);
    // It is awaited in its turn.
    read.catch(() => {});
    coming.push(read);
    next += length;
  };
  try {
    for (let i = 0; i < connections; i++) begin();
    for (let read = coming.shift(); read !== undefined; read = coming.shift()) {
      const piece = await read;
      begin();
      for (let from = 0; from < piece.length; from += CHUNK) {
        yield piece.subarray(from, from + CHUNK);
      }
      free.push(piece.buffer);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(coming);
  }
}

async function readPiece(
  stream: AsyncGenerator<Uint8Array, void, void>,
  piece: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  let filled = 0;
  for await (const bytes of stream) {
    // A server that gives the whole instead goes on behind the piece.
    if (filled === piece.length) break;
    const wanted = bytes.subarray(0, piece.length - filled);
    piece.set(wanted, filled);
    filled += wanted.length;
  }
  return piece;
}

function clamp(length: number): number {
  return Math.ceil(Math.min(PIECE.most, Math.max(PIECE.least, length)));
}
