import { type Digest, isDigest } from "../digest/mod.ts";
import { type Ask, Refusal, refuse } from "./http.ts";
import { isTag, type RepositoryName, repositoryOf } from "./names.ts";

/** What a manifest is asked for by. */
export type ManifestKey = { readonly tag: string } | { readonly digest: Digest };

/** What a path stands for (distribution-spec, "Endpoints"). */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: RepositoryName }
  | { readonly kind: "manifest"; readonly repository: RepositoryName; readonly key: ManifestKey }
  | { readonly kind: "blob"; readonly repository: RepositoryName; readonly digest: Digest }
  | { readonly kind: "uploads"; readonly repository: RepositoryName }
  | { readonly kind: "upload"; readonly repository: RepositoryName; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: RepositoryName; readonly digest: Digest };

/** Methods of each kind of route. */
export const METHODS: Readonly<Record<Route["kind"], readonly string[]>> = {
  base: ["GET", "HEAD"],
  catalog: ["GET", "HEAD"],
  tags: ["GET", "HEAD"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  uploads: ["POST"],
  upload: ["GET", "HEAD", "PATCH", "PUT", "DELETE"],
  referrers: ["GET", "HEAD"],
};

/** Finds what a request is about. @throws {Refusal} 404, 400 a malformed name or digest, 405 */
export function routeOf(ask: Pick<Ask, "method" | "path">): Route {
  const route = find(ask.path);
  const methods = METHODS[route.kind];
  if (methods.includes(ask.method)) return route;
  throw new Refusal(
    405,
    { code: "UNSUPPORTED", message: `the method is none of ${methods.join(", ")}` },
    { allow: methods.join(", ") },
  );
}

function find(path: string): Route {
  if (path === "/v2" || path === "/v2/") return { kind: "base" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  // A name may itself hold a part like "blobs": what counts are the last parts.
  const match =
    /^\/v2\/(.+?)\/(?:(tags)\/list|(manifests|referrers)\/([^/]+)|blobs\/(uploads)(?:\/([^/]*))?|(blobs)\/([^/]+))$/
      .exec(path);
  if (match === null) throw refuse(404, "NAME_UNKNOWN", "there is nothing at this path");
  const [, name = "", tags, document, reference = "", uploads, id = "", blobs, digest = ""] = match;
  const repository = repositoryOf(name);
  if (repository === undefined) {
    throw refuse(400, "NAME_INVALID", "the repository name is malformed");
  }
  if (tags !== undefined) return { kind: "tags", repository };
  if (uploads !== undefined) {
    return id === "" ? { kind: "uploads", repository } : { kind: "upload", repository, id };
  }
  if (blobs !== undefined) return { kind: "blob", repository, digest: parseDigest(digest) };
  if (document === "referrers") {
    return { kind: "referrers", repository, digest: parseDigest(reference) };
  }
  return { kind: "manifest", repository, key: parseKey(reference) };
}

/** @throws {Refusal} 400 */
export function parseDigest(text: string | null): Digest {
  if (isDigest(text)) return text;
  throw refuse(400, "DIGEST_INVALID", "the digest is no sha256 and no sha512");
}

function parseKey(text: string): ManifestKey {
  if (text.includes(":")) return { digest: parseDigest(text) };
  // No manifest can have been put under what is no tag.
  if (!isTag(text)) throw refuse(404, "MANIFEST_UNKNOWN", "the tag is malformed");
  return { tag: text };
}
