import { type Digest, isDigest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import type { Transport } from "../transport.ts";

/**
 * Slowest rate, in bytes per millisecond, at which a registry reads, moves or unpacks a blob before
 * it answers.
 */
const MIN_PROCESSING_RATE = 20_000;

/** The destination of an upload. */
export interface UploadContext {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  /** Repository, without the registry. */
  readonly repository: string;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds that a registry may take to process `size` bytes after it received them. */
export function processingTime(size: number): number {
  return size / MIN_PROCESSING_RATE;
}

/** The scope of a push to a repository. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

/**
 * Compares the digest in a response with the expected digest. Does nothing if the response has none.
 *
 * @throws {VarveError} `E_DIGEST` when the registry received other bytes
 */
export function checkDigestHeader(response: Response, digest: Digest, action: string): void {
  const actual = response.headers.get("docker-content-digest");
  if (actual === null || actual === digest || !isDigest(actual)) return;
  // Digests of two algorithms cannot be compared.
  if (actual.slice(0, 6) !== digest.slice(0, 6)) return;
  throw new VarveError(
    "E_DIGEST",
    `Cannot ${action}: the registry says that it got another digest`,
    {
      expected: digest,
      actual,
    },
  );
}
