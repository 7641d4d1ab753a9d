import { type Digest, isDigest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import type { Transport } from "../transport.ts";

/** Bytes in a ms that a registry reads, moves or unpacks at least, before it answers that it has them. */
const TAKEN_IN_MS = 20_000;

/** What an upload works with. */
export interface UploadContext {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  /** Repository, without the registry. */
  readonly repository: string;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds that a registry gets for so many bytes that it has already, before it must answer. */
export function patienceFor(size: number): number {
  return size / TAKEN_IN_MS;
}

/** The scope of one who pushes to a repository. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

/** @throws {VarveError} `E_DIGEST` when the registry says that it got another one */
export function refuseOther(response: Response, digest: Digest, action: string): void {
  const said = response.headers.get("docker-content-digest");
  if (
    said === null || said === digest || !isDigest(said) || said.slice(0, 6) !== digest.slice(0, 6)
  ) {
    return;
  }
  throw new VarveError("E_DIGEST", `Cannot ${action}: the registry says that it got another one`, {
    expected: digest,
    actual: said,
  });
}
