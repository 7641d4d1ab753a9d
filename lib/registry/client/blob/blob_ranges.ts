import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import type { Transport } from "../transport.ts";
import { type BlobRequest, streamBlob } from "./blob_stream.ts";
import { isSlow, isWaitedFor, Pace } from "./pace.ts";
import { readAhead } from "./read_ahead.ts";

/** When a blob is read over several connections. */
export interface RangePlan {
  /** Connections that one blob may have; 1: never several. */
  readonly connections: number;
  /** Size in bytes from which on a blob is large. */
  readonly largeFrom: number;
}

const MIB = 2 ** 20;
/** Bytes of one probe, which a single connection reads to be measured. */
const PROBE = 6 * MIB;
/** Most probes: a reader that is busy for a moment makes the peer look slow, so a single probe may mislead. */
const PROBES = 4;
/** Bytes at the start of the first probe that are not measured: the reader is still starting up. */
const WARM_UP = 3 * MIB;
/** Bytes that several connections read before they are compared with one. */
const TRIAL = 16 * MIB;
/** How much faster several connections must be than one. */
const GAIN = 1.25;

/**
 * The bytes of a blob in their order, over several connections where that helps: for a large blob that
 * is slow over one connection, as from servers that limit the rate of each.
 *
 * A single connection reads the first bytes, and is measured a few times. When it is slow, several
 * connections read pieces into memory, always the next ones of the blob. The pieces get smaller towards
 * the end, so that all connections finish at about the same time. When they fail, or are not faster, one
 * connection reads the rest.
 *
 * Otherwise as {@linkcode streamBlob}. Memory is bounded by the pieces: 4 MiB a connection, and 4 MiB more.
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
    // More bytes than asked for: the endpoint does not support ranges, and gave the whole blob.
    if (at > end) return;
    if (isSlow(probe)) slow = probe;
  }
  if (slow !== undefined) {
    const wanted = GAIN * slow.rate;
    const parallel = new Pace(performance.now());
    // A reader that does not wait would not be faster with one connection.
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
