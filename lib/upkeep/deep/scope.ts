import type { Site } from "../check/damage.ts";

/** What a check looks at: one image, or everything. */
export interface Scope {
  /** Digests of documents and blobs, and diffIDs of layers. */
  readonly digests: ReadonlySet<string>;
  /** The chains of the layers. */
  readonly chains: ReadonlySet<string>;
}

/** Whether a blob or layer is in a scope. Everything is in the scope `null`. */
export function hasDigest(scope: Scope | null, digest: string): boolean {
  return scope === null || scope.digests.has(digest);
}

/** Whether a chain is in a scope. */
export function hasChain(scope: Scope | null, chainId: string): boolean {
  return scope === null || scope.chains.has(chainId);
}

/** Whether damage at a site concerns a scope, if its row has one of the digests `keys`. */
export function concerns(scope: Scope | null, site: Site, keys: readonly string[]): boolean {
  if (scope === null || site.at === "database") return true;
  if (site.at === "derived" && site.chainId !== null) return hasChain(scope, site.chainId);
  if (site.at === "row" && site.table === "chain") return hasChain(scope, site.key);
  return keys.some((key) => scope.digests.has(key));
}
