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
import { putManifest } from "../upload/upload.ts";
import { pushScope, type UploadContext } from "../upload/upload_context.ts";

/**
 * The descriptor of a manifest in a list of referrers, with what is asked for there
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

/** The tag that stands in for the list of what refers to a manifest. */
export function subjectTag({ digest }: Pick<Descriptor, "digest">): string {
  return digest.replace(":", "-");
}

/**
 * The index that such a tag names, which `action` tells with its registry.
 *
 * @throws {VarveError} `E_MEDIA_TYPE` or another of a bad index when the tag names something else
 */
export function indexOfTag(
  bytes: Uint8Array,
  action: string,
  options: DocumentOptions = {},
): Index {
  try {
    return parseIndex(bytes, options);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const why = error.message.slice(error.message.indexOf(": ") + 2);
    const message = `Cannot ${action}: the tag names no index: ${why}`;
    throw new VarveError(error.code, message, error.details, { cause: error });
  }
}

/**
 * Lists a manifest under the tag that stands in for the referrers API where a registry has none
 * (distribution-spec, "Referrers Tag Schema"). What is listed already stays as it is.
 *
 * Two who do it at once may lose one of both: registries have nothing against that.
 *
 * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; `E_MEDIA_TYPE` or another of a bad index when the tag names something else
 */
export async function listInTag(
  context: UploadContext,
  subject: Pick<Descriptor, "digest">,
  referrer: Descriptor,
): Promise<void> {
  const { transport, endpoint, repository, signal } = context;
  const tag = subjectTag(subject);
  const action = `list ${referrer.digest} under ${repository}:${tag} at ${endpoint.origin}`;
  const { value: maxBytes, setting } = OCI_LIMITS.manifest;
  const { response, bytes } = await transport.read(endpoint, {
    method: "GET",
    path: `/${repository}/manifests/${tag}`,
    headers: { accept: MEDIA_TYPES.index },
    scope: pushScope(repository),
    accept: [200, 404],
    action,
    signal,
  }, { maxBytes, setting });
  const index = response.status === 404
    ? { manifests: [], annotations: {} }
    : indexOfTag(bytes, action);
  if (index.manifests.some(({ digest }) => digest === referrer.digest)) return;
  const listed = encodeIndex({
    manifests: [...index.manifests, referrer],
    annotations: index.annotations,
  });
  await putManifest(context, listed, { digest: sha256(listed), mediaType: MEDIA_TYPES.index }, tag);
}
