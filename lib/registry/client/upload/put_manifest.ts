import type { Descriptor } from "../../../oci/mod.ts";
import {
  checkDigestHeader,
  processingTime,
  pushScope,
  type UploadContext,
} from "./upload_context.ts";

/** A manifest or an index to push. */
export interface ManifestUpload extends Pick<Descriptor, "digest" | "mediaType"> {
  /** Size of all its layers in bytes. A registry may read or unpack them before it answers. */
  readonly layersSize?: number | undefined;
}

/**
 * Pushes a manifest or an index, byte for byte.
 *
 * @returns whether the registry lists it as a referrer of its subject (distribution-spec, "Pushing Manifests with Subject")
 * @throws {VarveError} `E_DIGEST` when the registry's digest differs
 */
export async function putManifest(
  { transport, endpoint, repository, signal }: UploadContext,
  bytes: Uint8Array<ArrayBuffer>,
  { digest, mediaType, layersSize = 0 }: ManifestUpload,
  name: string,
): Promise<boolean> {
  const action = `push manifest ${repository}:${name} to ${endpoint.origin}`;
  const { response } = await transport.send(endpoint, {
    method: "PUT",
    path: `/${repository}/manifests/${name}`,
    headers: { "content-type": mediaType },
    body: bytes,
    extraTime: processingTime(layersSize),
    scope: pushScope(repository),
    acceptStatus: [200, 201, 202],
    action,
    signal,
  });
  await response.body?.cancel();
  checkDigestHeader(response, digest, action);
  return response.headers.has("oci-subject");
}
