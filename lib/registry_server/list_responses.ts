import type { Digest } from "../digest/mod.ts";
import { MEDIA_TYPES } from "../oci/mod.ts";
import type { Catalog } from "./catalog.ts";
import { jsonResponse, refuse, type RegistryRequest, type RegistryResponse } from "./http.ts";
import type { RepositoryName } from "./repository_name.ts";

/** Maximum number of names on one page, even if the client asks for more. */
const MAX_PAGE = 10_000;
/** Maximum bytes of a page of referrers. Clients read documents of at most 4 MiB. */
const MAX_REFERRERS = 3 * 1024 * 1024;

const encoder = new TextEncoder();

/** `_catalog`: the names of all repositories that clients can reach. */
export function listCatalog(catalog: Catalog, request: RegistryRequest): RegistryResponse {
  const { names, headers } = page(catalog.repositories(), request, "/v2/_catalog");
  return jsonResponse({ repositories: names }, headers);
}

/** `tags/list`: the tags of a repository, in the order of their bytes (distribution-spec, "Listing Tags"). */
export function listTags(
  catalog: Catalog,
  repository: RepositoryName,
  request: RegistryRequest,
): RegistryResponse {
  const entries = catalog.entries(repository);
  if (entries.length === 0) {
    throw refuse(404, "NAME_UNKNOWN", "there is no such repository", { name: repository.asked });
  }
  const tags = entries.flatMap(({ tag }) => tag === undefined ? [] : [tag]).sort();
  const path = `/v2/${repository.asked}/tags/list`;
  const { names, headers } = page(tags, request, path);
  return jsonResponse({ name: repository.asked, tags: names }, headers);
}

/** The `n` names that follow `last`, and the link to the next page. @throws {Refusal} 400 */
function page(
  all: readonly string[],
  { query }: RegistryRequest,
  path: string,
): { readonly names: readonly string[]; readonly headers: Record<string, string> } {
  const n = query.get("n");
  if (n !== null && !/^[0-9]{1,9}$/.test(n)) throw refuse(400, "UNSUPPORTED", "n is not a number");
  const count = Math.min(n === null ? MAX_PAGE : Number(n), MAX_PAGE);
  const last = query.get("last");
  const rest = last === null ? all : all.filter((name) => name > last);
  const names = rest.slice(0, count);
  const end = names.at(-1);
  if (end === undefined || names.length === rest.length) return { names, headers: {} };
  return { names, headers: { link: nextLink(path, { n: String(count), last: end }) } };
}

function nextLink(path: string, query: Record<string, string | undefined>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] =>
    pair[1] !== undefined
  );
  return `<${path}?${new URLSearchParams(pairs)}>; rel="next"`;
}

/**
 * `referrers` (distribution-spec, "Listing Referrers"). The server never answers 404, even for a
 * manifest that does not exist.
 */
export async function listReferrers(
  catalog: Catalog,
  repository: RepositoryName,
  subject: Digest,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const type = request.query.get("artifactType");
  const last = request.query.get("last") ?? "";
  const manifests: unknown[] = [];
  let bytes = 0;
  let next: string | undefined;
  for (
    const { descriptor, artifactType, annotations } of await catalog.referrers(repository, subject)
  ) {
    if (type !== null && artifactType !== type) continue;
    if (descriptor.digest <= last) continue;
    const { mediaType, size, digest } = descriptor;
    const entry = {
      mediaType,
      size,
      digest,
      artifactType,
      annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
    };
    bytes += encoder.encode(JSON.stringify(entry)).length;
    if (bytes > MAX_REFERRERS && manifests.length > 0) break;
    manifests.push(entry);
    next = digest;
    if (bytes > MAX_REFERRERS) break;
  }
  return jsonResponse({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests }, {
    "content-type": MEDIA_TYPES.index,
    "oci-filters-applied": type === null ? undefined : "artifactType",
    link: bytes <= MAX_REFERRERS || next === undefined
      ? undefined
      : nextLink(`/v2/${repository.asked}/referrers/${subject}`, {
        last: next,
        artifactType: type ?? undefined,
      }),
  });
}
