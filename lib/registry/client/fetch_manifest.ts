import {
  algorithmOf,
  createHasher,
  type Digest,
  equalDigests,
  isDigest,
} from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { bareMediaType, MEDIA_TYPES, OCI_LIMITS } from "../../oci/mod.ts";
import type { Endpoint } from "../contract.ts";
import { registryError } from "../http/registry_error.ts";
import type { EndpointRequest, Transport } from "./transport.ts";

/** The `Accept` header. Indexes come first, so that a registry does not choose a platform by itself. */
const ACCEPT = [
  MEDIA_TYPES.index,
  MEDIA_TYPES.dockerIndex,
  MEDIA_TYPES.manifest,
  MEDIA_TYPES.dockerManifest,
  "*/*;q=0.5",
].join(", ");

/** A manifest or an index as the registry sent it. */
export interface FetchedDocument {
  /** Bytes of the document. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Digest of the bytes, computed here and not taken from the registry. */
  readonly digest: Digest;
  /** `Content-Type` without its parameters; `undefined` when the registry sent none. */
  readonly contentType: string | undefined;
}

/** The name of a manifest or an index in a registry. With neither tag nor digest the tag is `latest`. */
export interface ManifestName {
  /** Repository, without the registry. */
  readonly repository: string;
  /** The tag. */
  readonly tag?: string | undefined;
  /** The digest. If both are given, the digest is used, not the tag. */
  readonly digest?: Digest | undefined;
}

/** The digest, else the tag, else `latest`: the last part of a manifest's path. */
export function referenceOf({ tag, digest }: ManifestName): string {
  return digest ?? tag ?? "latest";
}

/** The GET or HEAD request for a manifest. */
export function manifestRequest(
  method: "GET" | "HEAD",
  name: ManifestName,
  action: string,
  signal: AbortSignal | undefined,
): EndpointRequest {
  return {
    method,
    path: `/${name.repository}/manifests/${referenceOf(name)}`,
    headers: { accept: ACCEPT },
    scope: `repository:${name.repository}:pull`,
    action,
    signal,
  };
}

/**
 * Fetches a manifest or an index from one endpoint, and checks its digest where the name or the
 * header `Docker-Content-Digest` has one.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY`, `E_DIGEST`, `E_LIMIT` above `maxBytes`
 */
export async function fetchManifest(
  transport: Transport,
  endpoint: Endpoint,
  name: ManifestName,
  { action, maxBytes, signal }: {
    readonly action: string;
    readonly maxBytes: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<FetchedDocument> {
  const { repository, digest } = name;
  const request = manifestRequest("GET", name, action, signal);
  const { setting } = OCI_LIMITS.manifest;
  const { response, bytes } = await transport.read(endpoint, request, { maxBytes, setting });
  // Without a digest to check, the HTML page of a proxy or of a login would pass for a manifest.
  if (digest === undefined && !startsLikeObject(bytes)) {
    throw registryError(action, "the answer is not a JSON object");
  }
  const hasher = createHasher(digest === undefined ? "sha256" : algorithmOf(digest));
  hasher.update(bytes);
  const actual = hasher.digest();
  if (digest !== undefined && !equalDigests(digest, actual)) {
    throw new VarveError("E_DIGEST", `Cannot ${action}: the digest is ${actual}`, {
      expected: digest,
      actual,
      subject: repository,
    });
  }
  refuseOtherDigest(response, bytes, action, repository);
  const type = bareMediaType(response.headers.get("content-type") ?? "");
  return { bytes, digest: actual, contentType: type === "" ? undefined : type };
}

/**
 * Refuses bytes whose digest differs from the digest in the registry's header (distribution-spec,
 * "Pulling manifests"). Such bytes mean that the registry, or a cache in between, mixed up two
 * manifests.
 */
function refuseOtherDigest(
  response: Response,
  bytes: Uint8Array,
  action: string,
  repository: string,
): void {
  const claimed = response.headers.get("docker-content-digest");
  if (claimed === null || !isDigest(claimed)) return;
  const hasher = createHasher(algorithmOf(claimed));
  hasher.update(bytes);
  const actual = hasher.digest();
  if (equalDigests(claimed, actual)) return;
  throw new VarveError(
    "E_DIGEST",
    `Cannot ${action}: the registry says that its digest is ${claimed}, but it is ${actual}`,
    { expected: claimed, actual, subject: repository },
  );
}

/** Whether bytes begin as a JSON object does. */
function startsLikeObject(bytes: Uint8Array): boolean {
  return bytes.find((byte) => ![0x20, 0x09, 0x0a, 0x0d].includes(byte)) === 0x7b;
}
