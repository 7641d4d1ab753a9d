import { VarveError } from "../../../errors.ts";
import type { Descriptor } from "../../../oci/mod.ts";
import type { Endpoint } from "../../contract.ts";
import { readBody } from "../../http/body.ts";
import { NetworkFailure } from "../../http/exchange.ts";
import { registryError } from "../../http/redact.ts";
import { pause } from "../../http/retry.ts";
import type { Transport } from "../transport.ts";

/** What a blob stream reads. */
export interface BlobRequest {
  /** Repository, without the registry. */
  readonly repository: string;
  /** Which blob, and how long it is. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** The first byte that is wanted; 0 when absent. */
  readonly from?: number | undefined;
  /** The first byte that is not wanted any more; the blob's size when absent. */
  readonly to?: number | undefined;
}

/** Tries in all, however little each brings: a connection that is cut at every byte is none. */
const MAX_TRIES = 10_000;

/**
 * The bytes of a blob. After a cut it goes on at the byte where it broke (`Range`, `If-Range`), from
 * the same endpoint or the next. Where an endpoint knows no ranges the whole is read, what is not
 * wanted is passed over, and what comes behind `to` is given, too: up to the blob's end.
 *
 * A chunk is valid until the next is asked for. Sizes are judged here, the digest by the consumer.
 *
 * @throws {VarveError} `E_MISSING` when no endpoint has it, `E_SIZE` when it is longer or shorter than said, `E_REGISTRY`, `E_DENIED`
 */
export async function* streamBlob(
  transport: Transport,
  endpoints: readonly Endpoint[],
  request: BlobRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const { attempts, backoff, idleTimeout } = transport.config;
  const { blob, from = 0, to = blob.size } = request;
  // Nothing is left to ask for, and no range to ask with.
  if (from > 0 && from === to) return;
  let at = from;
  let end = to;
  let failure: unknown;
  for (const [i, endpoint] of endpoints.entries()) {
    const how = { ranged: true, etag: "" };
    for (let tries = 1, barren = 1; tries <= MAX_TRIES && barren <= attempts; tries++, barren++) {
      const before = at;
      let isOpen = false;
      try {
        const { response, skip } = await open(
          transport,
          endpoint,
          request,
          { at, end, how },
          signal,
        );
        isOpen = true;
        how.etag = strongEtag(response) ?? "";
        if (response.status === 200) end = blob.size;
        let surplus = skip;
        const action = actionOf(blob, endpoint);
        for await (const chunk of readBody(response, { action, idleTimeout, signal })) {
          const skipped = Math.min(surplus, chunk.length);
          surplus -= skipped;
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
        // Only a connection that broke is worth another try here: requests were repeated already.
        const broke = isOpen || at > 0 || !how.ranged;
        if (error.code !== "E_REGISTRY" || !broke) break;
      }
      if (at > before) barren = 0;
      else await pause(backoff * 2 ** Math.min(barren, 5), signal);
    }
    if (i === endpoints.length - 1) break;
  }
  // No further try helps: whoever sends the bytes on would else take it for a failure of where they go.
  if (failure instanceof NetworkFailure) throw new VarveError(failure.code, failure.message);
  throw failure ?? new VarveError("E_MISSING", `Cannot fetch blob ${blob.digest}: no endpoint`);
}

/** What is asked of an endpoint: bytes, and what is known of its ranges. */
interface Wanted {
  readonly at: number;
  readonly end: number;
  /** Whether it answers ranges as it should, and the etag of its bytes. */
  readonly how: { ranged: boolean; readonly etag: string };
}

/** Asks for the bytes from `at` on; `skip` are those that come again. */
async function open(
  transport: Transport,
  endpoint: Endpoint,
  { repository, blob }: BlobRequest,
  { at, end, how }: Wanted,
  signal: AbortSignal | undefined,
): Promise<{ readonly response: Response; readonly skip: number }> {
  const action = actionOf(blob, endpoint);
  const isPart = how.ranged && (at > 0 || end < blob.size);
  const range: Record<string, string> = !isPart ? {} : {
    range: `bytes=${at}-${end < blob.size ? end - 1 : ""}`,
    ...(how.etag === "" ? {} : { "if-range": how.etag }),
  };
  const { response } = await transport.send(endpoint, {
    method: "GET",
    path: `/${repository}/blobs/${blob.digest}`,
    headers: range,
    scope: `repository:${repository}:pull`,
    accept: isPart ? [200, 206, 416] : [200],
    action,
    signal,
  }).catch((error) => {
    // It is the manifest that names it.
    if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
    throw new VarveError("E_MISSING", error.message, { subject: blob.digest });
  });
  const refuse = async (error: VarveError): Promise<never> => {
    await response.body?.cancel().catch(() => {});
    throw error;
  };
  const till = response.status === 200 ? blob.size : endOfRange(response, at, end);
  if (till === undefined) {
    // Whoever cannot give a part may give the whole.
    how.ranged = false;
    return await refuse(registryError(action, `it answers another range than from ${at} on`));
  }
  const skip = response.status === 206 ? 0 : at;
  const length = response.headers.get("content-length");
  const expected = till - at + skip;
  if (length !== null && Number(length) !== expected) {
    const total = Number(length) - expected + blob.size;
    return await refuse(wrongSize(blob, total > blob.size ? "longer" : "shorter", total));
  }
  return { response, skip };
}

/**
 * Where an answer ends that is the range from a byte on; `undefined` when it is another. It may end
 * before what was asked for: the rest is asked for then (RFC 9110, section 15.3.7).
 */
function endOfRange(response: Response, at: number, end: number): number | undefined {
  const said = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/
    .exec(response.headers.get("content-range") ?? "");
  if (response.status !== 206 || said === null || Number(said[1]) !== at) return undefined;
  const till = Number(said[2]) + 1;
  // One that is longer is told by its length.
  return till > at && till < end ? till : end;
}

/** An etag that stands for the same bytes, fit for `If-Range`. */
function strongEtag(response: Response): string | undefined {
  const etag = response.headers.get("etag") ?? "";
  return /^"[\x21\x23-\x7e]{1,256}"$/.test(etag) ? etag : undefined;
}

function actionOf(blob: BlobRequest["blob"], endpoint: Endpoint): string {
  return `fetch blob ${blob.digest} from ${endpoint.origin}`;
}

function wrongSize(
  blob: BlobRequest["blob"],
  how: "longer" | "shorter",
  actual: number,
): VarveError {
  return new VarveError(
    "E_SIZE",
    `Cannot fetch blob ${blob.digest}: it is ${how} than its ${blob.size} bytes`,
    { expected: blob.size, actual, subject: blob.digest },
  );
}
