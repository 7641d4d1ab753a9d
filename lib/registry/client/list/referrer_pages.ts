import type { Digest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  bareMediaType,
  type Descriptor,
  MEDIA_TYPES,
  mediaTypeInfo,
  parseIndex,
} from "../../../oci/mod.ts";
import type { Endpoint } from "../../contract.ts";
import { parseNextLink } from "./link.ts";
import { registryError } from "../../http/registry_error.ts";
import type { Transport } from "../transport.ts";

/** Maximum size of a page in bytes. */
const MAX_PAGE = 4 * 1024 * 1024;
/** Maximum number of pages of a list. */
const MAX_PAGES = 100;
/**
 * Statuses of registries without the referrers API. Some read the digest as a name, some refuse to
 * return an index.
 */
const NO_API = [400, 404, 406];

/** A list of referrers to fetch. */
export interface ReferrerList {
  readonly repository: string;
  /** Digest of the manifest that the referrers refer to. */
  readonly subject: Digest;
  readonly action: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The referrers of a manifest, from the registry's referrers API (distribution-spec, "Listing Referrers").
 *
 * @returns `undefined` when the registry has no such API, or answers with a document that is not an
 * index
 * @throws {VarveError} `E_DENIED`, `E_REGISTRY`, `E_LIMIT`; `E_JSON`, `E_FORMAT`, … when the list is malformed
 */
export async function referrerPages(
  transport: Transport,
  endpoint: Endpoint,
  { repository, subject, action, signal }: ReferrerList,
): Promise<Descriptor[] | undefined> {
  const out: Descriptor[] = [];
  let next: string | URL = `/${repository}/referrers/${subject}`;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { response, url, bytes } = await transport.read(endpoint, {
      method: "GET",
      path: next,
      headers: { accept: MEDIA_TYPES.index },
      scope: `repository:${repository}:pull`,
      acceptStatus: page === 0 ? [200, ...NO_API] : [200],
      action,
      signal,
    }, { maxBytes: MAX_PAGE });
    if (page === 0 && !isIndex(response)) return undefined;
    for (const manifest of parseIndex(bytes).manifests) out.push(manifest);
    const link = parseNextLink(response.headers.get("link") ?? "", url);
    if (link === undefined) return out;
    if (link.origin !== endpoint.origin) {
      throw registryError(action, "its list continues on another server");
    }
    next = link;
  }
  throw new VarveError("E_LIMIT", `Cannot ${action}: more than ${MAX_PAGES} pages`);
}

/**
 * Whether a response is an index by its content type. A response without a content type counts as
 * an index.
 */
function isIndex({ status, headers }: Response): boolean {
  const type = bareMediaType(headers.get("content-type") ?? "");
  return status === 200 && (type === "" || mediaTypeInfo(type)?.role === "index");
}
