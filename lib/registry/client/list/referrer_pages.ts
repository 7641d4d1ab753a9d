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
import { registryError } from "../../http/redact.ts";
import type { Transport } from "../transport.ts";

/** Bytes of one page. */
const MAX_PAGE = 4 * 1024 * 1024;
/** Pages of a list. */
const MAX_PAGES = 100;
/** Answers of registries that have no such API: some take the digest for a name, some take no index. */
const NO_API = [400, 404, 406];

/** A list of referrers to be asked for. */
export interface ReferrerList {
  readonly repository: string;
  /** What is referred to. */
  readonly subject: Digest;
  readonly action: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What refers to a manifest, as the registry's own API lists it (distribution-spec, "Listing Referrers").
 *
 * @returns `undefined` where the registry has no such API, also where it answers with another page
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
      accept: page === 0 ? [200, ...NO_API] : [200],
      action,
      signal,
    }, { maxBytes: MAX_PAGE });
    if (page === 0 && !isList(response)) return undefined;
    out.push(...parseIndex(bytes).manifests);
    const link = parseNextLink(response.headers.get("link") ?? "", url);
    if (link === undefined) return out;
    if (link.origin !== endpoint.origin) throw registryError(action, "its list leads elsewhere");
    next = link;
  }
  throw new VarveError("E_LIMIT", `Cannot ${action}: more than ${MAX_PAGES} pages`);
}

/** Whether it is an index by its type; without one its bytes tell. */
function isList({ status, headers }: Response): boolean {
  const type = bareMediaType(headers.get("content-type") ?? "");
  return status === 200 && (type === "" || mediaTypeInfo(type)?.role === "index");
}
