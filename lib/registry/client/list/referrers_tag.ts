import { sha256 } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  type Descriptor,
  type DocumentOptions,
  encodeIndex,
  type ImageDocument,
  type Index,
  MEDIA_TYPES,
  OCI_LIMITS,
  parseIndex,
} from "../../../oci/mod.ts";
import { putManifest } from "../upload/put_manifest.ts";
import { pushScope, type UploadContext } from "../upload/upload_context.ts";

/**
 * The descriptor of a manifest for a list of referrers, with its artifact type and its annotations
 * (distribution-spec, "Listing Referrers").
 */
export function referrerOf(digest: Descriptor["digest"], document: ImageDocument): Descriptor {
  const { mediaType, raw, annotations } = document;
  const artifactType = document.artifactType ??
    (document.kind === "manifest" ? document.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size: raw.length,
    artifactType,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/**
 * The tag whose index lists the referrers of a manifest, when a registry has no referrers API
 * (distribution-spec, "Referrers Tag Schema").
 */
export function referrersTag({ digest }: Pick<Descriptor, "digest">): string {
  return digest.replace(":", "-");
}

/**
 * Parses the index under a {@linkcode referrersTag}. `action` is for messages.
 *
 * @throws {VarveError} `E_MEDIA_TYPE`, or another error of a bad index, when the tag does not name an index
 */
export function parseReferrersIndex(
  bytes: Uint8Array,
  action: string,
  options: DocumentOptions = {},
): Index {
  try {
    return parseIndex(bytes, options);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const reason = error.message.slice(error.message.indexOf(": ") + 2);
    const message = `Cannot ${action}: the tag names no index: ${reason}`;
    throw new VarveError(error.code, message, error.details, { cause: error });
  }
}

/**
 * Adds a manifest to the index under the {@linkcode referrersTag} of its subject. Idempotent: an
 * entry that exists already is not changed.
 *
 * When two clients do this at the same time, one entry may be lost, because registries have no
 * conditional update.
 *
 * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; `E_MEDIA_TYPE`, or another error of a bad index,
 * when the tag does not name an index
 */
export async function addToReferrersTag(
  context: UploadContext,
  subject: Pick<Descriptor, "digest">,
  referrer: Descriptor,
): Promise<void> {
  const { transport, endpoint, repository, signal } = context;
  const tag = referrersTag(subject);
  const action = `list ${referrer.digest} under ${repository}:${tag} at ${endpoint.origin}`;
  const { value: maxBytes, setting } = OCI_LIMITS.manifest;
  const { response, bytes } = await transport.read(endpoint, {
    method: "GET",
    path: `/${repository}/manifests/${tag}`,
    headers: { accept: MEDIA_TYPES.index },
    scope: pushScope(repository),
    acceptStatus: [200, 404],
    action,
    signal,
  }, { maxBytes, setting });
  const index = response.status === 404
    ? { manifests: [], annotations: {} }
    : parseReferrersIndex(bytes, action);
  if (index.manifests.some(({ digest }) => digest === referrer.digest)) return;
  const listed = encodeIndex({
    manifests: [...index.manifests, referrer],
    annotations: index.annotations,
  });
  await putManifest(context, listed, { digest: sha256(listed), mediaType: MEDIA_TYPES.index }, tag);
}
