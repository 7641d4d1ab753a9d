import { type Digest, isDigest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import type { Transport } from "../transport.ts";

/** Bytes a millisecond that a registry reads, moves or unpacks at least, before it answers. */
const MIN_PROCESSING_RATE = 20_000;

/** Where an upload goes. */
export interface UploadContext {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  /** Repository, without the registry. */
  readonly repository: string;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds that a registry may take to process so many bytes that it has received. */
export function processingTime(size: number): number {
  return size / MIN_PROCESSING_RATE;
}

/** The scope of a push to a repository. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

/** Compares the digest that the registry answers, if it does. @throws {VarveError} `E_DIGEST` when it got other bytes */
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
