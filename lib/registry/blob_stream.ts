import { VarveError } from "../errors.ts";
import type { Descriptor } from "../oci/mod.ts";
import { readBody } from "./body.ts";
import type { Endpoint } from "./contract.ts";
import { registryError } from "./text.ts";
import { pause, type Transport } from "./transport.ts";

/** What a blob stream reads. */
export interface BlobRequest {
  /** Repository, without the registry. */
  readonly repository: string;
  /** Which blob, and how long it is. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** The first byte that is wanted; 0 when absent. */
  readonly from?: number;
}

/** Tries in all, however little each brings: a connection that is cut at every byte is none. */
const MAX_TRIES = 10_000;

/**
 * The bytes of a blob. After a cut it goes on at the byte where it broke (`Range`, `If-Range`), from
 * the same endpoint or the next. A chunk is valid until the next is asked for.
 *
 * Sizes are judged here, the digest by the consumer.
 *
 * @throws {VarveError} `E_MISSING` when no endpoint has it, `E_SIZE` when it is longer or shorter than said, `E_REGISTRY`, `E_DENIED`
 */
export async function* streamBlob(
  transport: Transport,
  endpoints: readonly Endpoint[],
  { repository, blob, from = 0 }: BlobRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const { attempts, backoff } = transport.config;
  // Nothing is left to ask for, and no range to ask with.
  if (from > 0 && from === blob.size) return;
  let at = from;
  let failure: unknown;
  for (const [i, endpoint] of endpoints.entries()) {
    let etag = "";
    for (let tries = 1, barren = 1; tries <= MAX_TRIES && barren <= attempts; tries++, barren++) {
      const before = at;
      try {
        const { response, skip } = await open(
          transport,
          endpoint,
          { repository, blob },
          at,
          etag,
          signal,
        );
        etag = strongEtag(response) ?? "";
        let surplus = skip;
        const { idleTimeout } = transport.config;
        const action = actionOf(blob, endpoint);
        for await (const chunk of readBody(response, { action, idleTimeout, signal })) {
          const skipped = Math.min(surplus, chunk.length);
          surplus -= skipped;
          const bytes = chunk.subarray(skipped);
          if (at + bytes.length > blob.size) throw wrongSize(blob, "longer", at + bytes.length);
          at += bytes.length;
          if (bytes.length > 0) yield bytes;
        }
        if (at === blob.size) return;
        failure = registryError(action, `it ends after ${at} of ${blob.size} bytes`);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof VarveError)) throw error;
        failure = error;
        // Only a connection that broke is worth another try here: requests were repeated already.
        const broke = error.code === "E_REGISTRY" && at > before;
        if (!broke && !(error.code === "E_REGISTRY" && at > 0)) break;
      }
      if (at > before) barren = 0;
      else await pause(backoff * 2 ** Math.min(barren, 5), signal);
    }
    if (i === endpoints.length - 1) break;
  }
  throw failure ?? new VarveError("E_MISSING", `Cannot fetch blob ${blob.digest}: no endpoint`);
}

/** Asks for the bytes from `at` on; `skip` are those that come again. */
async function open(
  transport: Transport,
  endpoint: Endpoint,
  { repository, blob }: BlobRequest,
  at: number,
  etag: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly response: Response; readonly skip: number }> {
  const action = actionOf(blob, endpoint);
  const range: Record<string, string> = at === 0 ? {} : {
    range: `bytes=${at}-`,
    ...(etag === "" ? {} : { "if-range": etag }),
  };
  const { response } = await transport.send(endpoint, {
    method: "GET",
    path: `/${repository}/blobs/${blob.digest}`,
    headers: range,
    scope: `repository:${repository}:pull`,
    accept: at === 0 ? [200] : [200, 206],
    action,
    signal,
  }).catch((error) => {
    // It is the manifest that names it.
    if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
    throw new VarveError("E_MISSING", error.message, { subject: blob.digest });
  });
  const skip = response.status === 206 ? 0 : at;
  const refuse = async (error: VarveError): Promise<never> => {
    await response.body?.cancel().catch(() => {});
    throw error;
  };
  if (response.status === 206) {
    const said = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/
      .exec(response.headers.get("content-range") ?? "");
    if (said === null || Number(said[1]) !== at) {
      return await refuse(registryError(action, `it answers another range than from ${at} on`));
    }
  }
  const length = response.headers.get("content-length");
  const expected = blob.size - at + skip;
  if (length !== null && Number(length) !== expected) {
    const total = Number(length) + at - skip;
    return await refuse(wrongSize(blob, total > blob.size ? "longer" : "shorter", total));
  }
  return { response, skip };
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
