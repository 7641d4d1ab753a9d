import { VarveError } from "../../../errors.ts";
import type { Endpoint } from "../../contract.ts";
import { registryError } from "../../http/registry_error.ts";
import type { EndpointRequest, Transport } from "../transport.ts";
import { parseNextLink } from "./link.ts";

/** Maximum size of a page in bytes. */
const MAX_PAGE = 4 * 1024 * 1024;
/** Maximum number of pages of a list. */
const MAX_PAGES = 10_000;
/** Maximum number of names in a list. */
const MAX_NAMES = 1_000_000;
/** Maximum size of all pages of a list in bytes. */
const MAX_LIST = 128 * 1024 * 1024;

/** A list of names to fetch. */
export interface NameList {
  readonly path: string;
  /** The field of the answer that holds the names. */
  readonly field: "tags" | "repositories";
  readonly scope: string;
  readonly action: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The pages of a list. `Link` headers lead from one page to the next (distribution-spec, "Listing
 * Tags").
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_LIMIT`; `E_REGISTRY`, also when a link leads
 * to another origin or in a circle
 */
export async function* namePages(
  transport: Transport,
  endpoint: Endpoint,
  { path, field, scope, action, signal }: NameList,
): AsyncGenerator<string[]> {
  const seen = new Set<string>();
  let count = 0;
  let size = 0;
  let next: string | URL = path;
  for (let page = 0; page < MAX_PAGES; page++) {
    const request: EndpointRequest = { method: "GET", path: next, scope, action, signal };
    const { response, url, bytes } = await transport.read(endpoint, request, {
      maxBytes: MAX_PAGE,
    });
    const names = namesOf(bytes, field, action);
    count += names.length;
    if (count > MAX_NAMES) {
      throw new VarveError("E_LIMIT", `Cannot ${action}: more than ${MAX_NAMES}`);
    }
    size += bytes.length;
    if (size > MAX_LIST) {
      throw new VarveError("E_LIMIT", `Cannot ${action}: more than ${MAX_LIST} bytes`);
    }
    yield names;
    const link = parseNextLink(response.headers.get("link") ?? "", url);
    if (link === undefined) return;
    if (link.origin !== endpoint.origin) {
      throw registryError(action, "its list continues on another server");
    }
    if (seen.has(link.href)) throw registryError(action, "its list leads in a circle");
    seen.add(link.href);
    next = link;
  }
  throw new VarveError("E_LIMIT", `Cannot ${action}: more than ${MAX_PAGES} pages`);
}

function namesOf(bytes: Uint8Array, field: string, action: string): string[] {
  let value: unknown;
  try {
    value = (JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>)?.[field];
  } catch {
    throw registryError(action, "the answer is not JSON");
  }
  // Some registries give null for a repository without tags.
  if (value === null) return [];
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    throw registryError(action, `the answer holds no ${field}`);
  }
  return value;
}
