import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import type { Transport } from "../transport.ts";
import { type BlobRequest, streamBlob } from "./blob_stream.ts";
import { isSlow, isWaitedFor, Pace } from "./pace.ts";
import { readAhead } from "./read_ahead.ts";

/** Says when a blob is read over several connections. */
export interface RangePlan {
  /**
   * Maximum number of connections for one blob. With 1, every blob is read over a single
   * connection.
   */
  readonly connections: number;
  /** Size in bytes from which a blob counts as large. */
  readonly largeFrom: number;
}

const MIB = 2 ** 20;
/** Size of one probe in bytes. A probe reads over a single connection and measures its speed. */
const PROBE = 6 * MIB;
/**
 * Maximum number of probes. A single probe may mislead: while the reader is busy for a moment, it
 * does not wait for the peer, so that a slow peer looks fast.
 */
const PROBES = 4;
/**
 * Bytes at the start of the first probe that are not measured, because the reader is still starting
 * up.
 */
const WARM_UP = 3 * MIB;
/**
 * Bytes that several connections read before their speed is compared with a single connection's.
 */
const TRIAL = 16 * MIB;
/** Factor by which several connections must be faster than one. */
const GAIN = 1.25;

/**
 * Streams the bytes of a blob in order. A large blob that is slow over one connection is read over
 * several connections. This helps with servers that limit the rate of each connection.
 *
 * A single connection reads the first bytes, and is measured a few times. If it is slow, several
 * connections read pieces into memory, always the next pieces of the blob. The pieces get smaller
 * towards the end, so that all connections finish at about the same time. When the several
 * connections fail, or are not faster than one, a single connection reads the rest.
 *
 * In all other respects it works as {@linkcode streamBlob}. The pieces take at most 4 MiB of memory
 * for each connection, and 4 MiB more.
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
    streamBlob(transport, endpoints, { ...request, from, to }, stop);
  if (connections < 2 || blob.size - from < Math.max(largeFrom, PROBE + 2 * MIB)) {
    return yield* stream(from);
  }
  let at = from;
  let slow: Pace | undefined;
  for (let i = 0; i < PROBES && slow === undefined && blob.size - at >= PROBE + 2 * MIB; i++) {
    const end = at + PROBE;
    const probe = new Pace();
    for await (const bytes of probe.watch(stream(at, end), i === 0 ? WARM_UP : 0)) {
      at += bytes.length;
      yield bytes;
    }
    // The endpoint sent more bytes than requested: it does not support ranges, and sent the whole
    // blob.
    if (at > end) return;
    if (isSlow(probe)) slow = probe;
  }
  if (slow !== undefined) {
    const wanted = GAIN * slow.rate;
    const parallel = new Pace(performance.now());
    // Keep several connections during the trial. After the trial, keep them while the reader itself
    // is the slower side, or while they are faster than one connection.
    const helps = () => parallel.bytes < TRIAL || !isWaitedFor(parallel) || parallel.rate >= wanted;
    const pieces = readAhead(stream, { at, size: blob.size, connections, helps }, signal);
    try {
      for await (const bytes of parallel.watch(pieces)) {
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
