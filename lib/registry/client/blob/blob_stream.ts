import { VarveError } from "../../../errors.ts";
import type { Descriptor } from "../../../oci/mod.ts";
import type { Endpoint } from "../../contract.ts";
import { readBody } from "../../http/body.ts";
import { NetworkFailure, registryError } from "../../http/registry_error.ts";
import { waitBeforeRetry } from "../../http/retry.ts";
import type { Transport } from "../transport.ts";

/** Selects the bytes of a blob to read. */
export interface BlobRequest {
  /** Repository, without the registry. */
  readonly repository: string;
  /** Digest of the blob, and its size in bytes. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Offset of the first byte; 0 when absent. */
  readonly from?: number | undefined;
  /** Offset after the last byte; the blob's size when absent. */
  readonly to?: number | undefined;
}

/**
 * Maximum number of tries at one endpoint, however little progress each makes. A hostile endpoint
 * may cut the connection after every byte.
 */
const MAX_TRIES = 10_000;

/**
 * The bytes of a blob. After a broken connection the read resumes at the next byte (`Range`,
 * `If-Range`), from the same endpoint or the next endpoint. From an endpoint that does not support
 * ranges, the blob is read from the start, and the bytes before the offset are skipped. The stream
 * then does not stop at `to`, but goes on to the end of the blob.
 *
 * A chunk is valid until the next chunk is requested. The stream checks the size; the consumer must
 * check the digest.
 *
 * @throws {VarveError} `E_MISSING` when no endpoint has the blob, `E_SIZE` when the blob is longer
 * or shorter than its size, `E_REGISTRY`, `E_DENIED`
 */
export async function* streamBlob(
  transport: Transport,
  endpoints: readonly Endpoint[],
  request: BlobRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const { attempts, backoff, idleTimeout } = transport.config;
  const { blob, from = 0, to = blob.size } = request;
  // An empty range cannot be requested.
  if (from > 0 && from === to) return;
  let at = from;
  let end = to;
  let failure: unknown;
  for (const [i, endpoint] of endpoints.entries()) {
    const ranges: RangeSupport = { supported: true, etag: "" };
    // `stalled` counts the tries since the last progress.
    for (
      let tries = 1, stalled = 1;
      tries <= MAX_TRIES && stalled <= attempts;
      tries++, stalled++
    ) {
      const before = at;
      let isOpen = false;
      try {
        const part = { at, end, ranges };
        const { response, skip } = await openPart(transport, endpoint, request, part, signal);
        isOpen = true;
        ranges.etag = strongEtag(response) ?? "";
        if (response.status === 200) end = blob.size;
        let toSkip = skip;
        const action = actionOf(blob, endpoint);
        for await (const chunk of readBody(response, { action, idleTimeout, signal })) {
          const skipped = Math.min(toSkip, chunk.length);
          toSkip -= skipped;
          const bytes = chunk.subarray(skipped);
          if (at + bytes.length > end) throw wrongSize(blob, "longer", at + bytes.length);
          at += bytes.length;
          if (bytes.length > 0) yield bytes;
        }
        if (at === end) return;
        failure = registryError(action, `it ends after ${at} of ${blob.size} bytes`);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof VarveError)) throw error;
        failure = error;
        // Only a broken connection is retried here, because the transport has already retried the
        // request itself.
        const isBroken = isOpen || at > 0 || !ranges.supported;
        if (error.code !== "E_REGISTRY" || !isBroken) break;
      }
      if (at > before) stalled = 0;
      else await waitBeforeRetry(backoff * 2 ** Math.min(stalled, 5), signal);
    }
    if (i === endpoints.length - 1) break;
  }
  // No retry can help any more. Do not throw a NetworkFailure, because a caller that passes the
  // bytes on would retry it.
  if (failure instanceof NetworkFailure) throw new VarveError(failure.code, failure.message);
  throw failure ?? new VarveError("E_MISSING", `Cannot fetch blob ${blob.digest}: no endpoint`);
}

/** What is known about an endpoint's support of ranges. */
interface RangeSupport {
  /** Whether the endpoint answers range requests correctly. */
  supported: boolean;
  /** The strong etag of the blob at the endpoint; `""` when there is none. */
  etag: string;
}

/** The part of a blob that is still to be read. */
interface Part {
  /** Offset of the first byte. */
  readonly at: number;
  /** Offset after the last byte. */
  readonly end: number;
  readonly ranges: RangeSupport;
}

/**
 * Asks an endpoint for the bytes from `at` on. `skip` in the result is the number of bytes of the
 * answer that come before `at`.
 */
async function openPart(
  transport: Transport,
  endpoint: Endpoint,
  { repository, blob }: BlobRequest,
  { at, end, ranges }: Part,
  signal: AbortSignal | undefined,
): Promise<{ readonly response: Response; readonly skip: number }> {
  const action = actionOf(blob, endpoint);
  const isRange = ranges.supported && (at > 0 || end < blob.size);
  const headers: Record<string, string> = !isRange ? {} : {
    range: `bytes=${at}-${end < blob.size ? end - 1 : ""}`,
    ...(ranges.etag === "" ? {} : { "if-range": ranges.etag }),
  };
  const { response } = await transport.send(endpoint, {
    method: "GET",
    path: `/${repository}/blobs/${blob.digest}`,
    headers,
    scope: `repository:${repository}:pull`,
    acceptStatus: isRange ? [200, 206, 416] : [200],
    action,
    signal,
  }).catch((error) => {
    // The manifest names the blob, not the user, so a missing blob is bad data.
    if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
    throw new VarveError("E_MISSING", error.message, { subject: blob.digest });
  });
  const refuse = async (error: VarveError): Promise<never> => {
    await response.body?.cancel().catch(() => {});
    throw error;
  };
  const answerEnd = response.status === 200 ? blob.size : endOfRange(response, at, end);
  if (answerEnd === undefined) {
    // The endpoint may still be able to send the whole blob.
    ranges.supported = false;
    return await refuse(
      registryError(action, `its answer is not the requested range, which begins at byte ${at}`),
    );
  }
  const skip = response.status === 206 ? 0 : at;
  const length = response.headers.get("content-length");
  const expected = answerEnd - at + skip;
  if (length !== null && Number(length) !== expected) {
    const total = Number(length) - expected + blob.size;
    return await refuse(wrongSize(blob, total > blob.size ? "longer" : "shorter", total));
  }
  return { response, skip };
}

/**
 * The offset after the last byte of a 206 answer; `undefined` when the answer is not the
 * requested range. The answer may be shorter than the requested range, and the rest is then
 * requested (RFC 9110, section 15.3.7).
 */
function endOfRange(response: Response, at: number, end: number): number | undefined {
  const range = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/
    .exec(response.headers.get("content-range") ?? "");
  if (response.status !== 206 || range === null || Number(range[1]) !== at) return undefined;
  const answerEnd = Number(range[2]) + 1;
  // An answer that is too long is detected later, by its length.
  return answerEnd > at && answerEnd < end ? answerEnd : end;
}

/** The etag of a response if it is strong, because `If-Range` needs a strong etag. */
function strongEtag(response: Response): string | undefined {
  const etag = response.headers.get("etag") ?? "";
  return /^"[\x21\x23-\x7e]{1,256}"$/.test(etag) ? etag : undefined;
}

function actionOf(blob: BlobRequest["blob"], endpoint: Endpoint): string {
  return `fetch blob ${blob.digest} from ${endpoint.origin}`;
}

function wrongSize(
  blob: BlobRequest["blob"],
  comparison: "longer" | "shorter",
  actual: number,
): VarveError {
  return new VarveError(
    "E_SIZE",
    `Cannot fetch blob ${blob.digest}: it is ${comparison} than the expected ${blob.size} bytes`,
    { expected: blob.size, actual, subject: blob.digest },
  );
}
