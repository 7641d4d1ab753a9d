import { type Digest, isDigest } from "../digest/mod.ts";
import { tryParseReference } from "../oci/mod.ts";
import { Refusal, refuse, type RegistryRequest } from "./http.ts";
import { isTag, type RepositoryName, repositoryOf } from "./repository_name.ts";

/** The tag or the digest in the path of a manifest. */
export type ManifestKey = { readonly tag: string } | { readonly digest: Digest };

/** The thing that a path names (distribution-spec, "Endpoints"). */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: RepositoryName }
  | { readonly kind: "manifest"; readonly repository: RepositoryName; readonly key: ManifestKey }
  | { readonly kind: "blob"; readonly repository: RepositoryName; readonly digest: Digest }
  | { readonly kind: "uploads"; readonly repository: RepositoryName }
  | { readonly kind: "upload"; readonly repository: RepositoryName; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: RepositoryName; readonly digest: Digest };

/** The allowed methods of each kind of route. */
const METHODS: Readonly<Record<Route["kind"], readonly string[]>> = {
  base: ["GET", "HEAD"],
  catalog: ["GET", "HEAD"],
  tags: ["GET", "HEAD"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  uploads: ["POST"],
  upload: ["GET", "HEAD", "PATCH", "PUT", "DELETE"],
  referrers: ["GET", "HEAD"],
};

/** The route of a request. @throws {Refusal} 404, 400 for a malformed name or digest, 405 */
export function routeOf({ method, path }: Pick<RegistryRequest, "method" | "path">): Route {
  const route = find(path);
  const methods = METHODS[route.kind];
  if (methods.includes(method)) return route;
  throw new Refusal(
    405,
    { code: "UNSUPPORTED", message: `the methods here are ${methods.join(", ")}` },
    { allow: methods.join(", ") },
  );
}

function find(path: string): Route {
  if (path === "/v2" || path === "/v2/") return { kind: "base" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  // A repository name may itself hold a part such as "blobs", so only the last parts of the path
  // decide.
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
  const key = parseKey(reference);
  if ("tag" in key && tryParseReference(`${repository.full}:${key.tag}`) === undefined) {
    throw refuse(400, "NAME_INVALID", "the name reads as a digest");
  }
  return { kind: "manifest", repository, key };
}

/** Parses a digest from a path or a query. @throws {Refusal} 400 */
export function parseDigest(text: string | null): Digest {
  if (isDigest(text)) return text;
  throw refuse(400, "DIGEST_INVALID", "the digest is neither a sha256 nor a sha512");
}

function parseKey(text: string): ManifestKey {
  if (text.includes(":")) return { digest: parseDigest(text) };
  // Answers 404, not 400, because no manifest can have been pushed under a malformed tag.
  if (!isTag(text)) throw refuse(404, "MANIFEST_UNKNOWN", "the tag is malformed");
  return { tag: text };
}
