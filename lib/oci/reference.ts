import { type Digest, isDigest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { defined } from "./json/fields.ts";

/** The name of an image in normalised parts: `docker.io/library/debian:latest`. */
export interface Reference {
  /** Host of the registry, with the port if the name has one: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** Repository in the registry: `library/debian`. */
  readonly repository: string;
  /** Tag. A name with neither tag nor digest gets `latest`. */
  readonly tag?: string | undefined;
  /** Digest. If there is one, it alone selects the image, and the tag is informational. */
  readonly digest?: Digest | undefined;
}

const DEFAULT_REGISTRY = "docker.io";
const LEGACY_REGISTRY = "index.docker.io";
const OFFICIAL = "library/";
/** Maximum length of a repository name, as in Go's distribution/reference. */
const MAX_REPOSITORY = 255;
/**
 * Maximum length of a text that is parsed: registry (255), repository (255), tag (128), digest
 * (135) and separators.
 */
const MAX_TEXT = 800;

/** Highest port of TCP. */
const MAX_PORT = 65_535;

/** The beginning of a URL, or of a name with a skopeo transport (`docker://`). */
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** An image ID without its algorithm. Docker, podman and varve accept it as an image. */
const IMAGE_ID = /^[a-f0-9]{64}$/;
/**
 * A repository whose last part is the name of a digest algorithm (image-spec, descriptor.md,
 * "Registered algorithms").
 */
const ALGORITHM = /(?:^|\/)(?:sha256|sha384|sha512|blake3)$/;
/** A tag that looks like the digits of a digest of 32 bytes or more. */
const DIGEST_DIGITS = /^[a-fA-F0-9]{64,128}$/;

/**
 * Reads an image name as Docker does: `debian` becomes `docker.io/library/debian:latest`.
 *
 * The first part is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`.
 *
 * A name that reads as a digest or an image ID is refused; see {@linkcode readsAsDigest}.
 *
 * @example
 * ```ts
 * import { formatReference, parseReference } from "@varve/varve/oci";
 *
 * const full = formatReference(parseReference("debian"));
 * if (full !== "docker.io/library/debian:latest") throw new Error("never");
 * ```
 *
 * @throws {VarveError} `E_USAGE` when it is malformed
 */
export function parseReference(text: string): Reference {
  if (text.length > MAX_TEXT) throw malformed(text, "it is too long");
  const scheme = SCHEME.exec(text)?.[0];
  if (scheme !== undefined) throw malformed(text, "it begins with a scheme", `leave ${scheme} out`);
  if (IMAGE_ID.test(text)) throw malformed(text, "it is an image ID, not a name");
  const reference = parseParts(text);
  if (!readsAsDigest(reference)) return reference;
  throw malformed(text, "it reads as a digest or an image ID, not as a name");
}

/**
 * Whether a name could be mistaken for a digest or an image ID. A user who types a digest could then
 * get the image that has this name, with other content. Such a name has the short form `sha256:…` or
 * 64 hexadecimal digits, or it ends in `/sha256:` and the digits of a digest. Docker refuses the form
 * `sha256:…` too.
 */
export function readsAsDigest({ registry, repository, tag }: Reference): boolean {
  const short = shortRepository({ registry, repository });
  if (IMAGE_ID.test(short)) return true;
  if (!ALGORITHM.test(short)) return false;
  return !short.includes("/") || (tag !== undefined && DIGEST_DIGITS.test(tag));
}

/**
 * Whether {@linkcode parseReference} refuses the name of a row in a store only because it reads as
 * a digest. Stores that were written before that rule can hold such names.
 */
export function isDigestLikeName(name: string): boolean {
  if (isDigest(name) || IMAGE_ID.test(name)) return true;
  try {
    return readsAsDigest(parseParts(name));
  } catch {
    return false;
  }
}

/** Parses an image name, even if it could be mistaken for a digest or an image ID. */
function parseParts(text: string): Reference {
  const path = /:(\/.*)$/s.exec(text);
  if (path !== null) throw malformed(text, "no path is taken here", `leave ${path[0]} out`);
  let rest = text;
  let digest: Digest | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    const found = rest.slice(at + 1);
    if (!isDigest(found)) throw malformed(text, "its digest is malformed or of another algorithm");
    [digest, rest] = [found, rest.slice(0, at)];
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    if (!TAG.test(tag)) throw malformed(text, "its tag is malformed");
    rest = rest.slice(0, colon);
  }
  const { registry, repository } = splitName(rest);
  if (!REGISTRY.test(registry)) throw malformed(text, "its registry is malformed");
  if (Number(/:([0-9]+)$/.exec(registry)?.[1] ?? 0) > MAX_PORT) {
    throw malformed(text, `the port of its registry is above ${MAX_PORT}`);
  }
  if (repository !== repository.toLowerCase()) {
    const lower = rest.toLowerCase() + text.slice(rest.length);
    throw malformed(text, "a repository name must be lower case", `write ${lower}`);
  }
  if (!REPOSITORY.test(repository)) throw malformed(text, "its repository name is malformed");
  if (repository.length > MAX_REPOSITORY) throw malformed(text, "its repository name is too long");
  if (tag === undefined && digest === undefined) tag = "latest";
  return defined({
    registry,
    repository,
    tag,
    digest,
  });
}

/**
 * Reads an image name; `undefined` when it is malformed. For names that no user typed, such as
 * names in archives.
 */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** Writes the full name: `docker.io/library/debian:latest`, `example.org/app@sha256:…`. */
export function formatReference(reference: Reference): string {
  return withSuffix(`${reference.registry}/${reference.repository}`, reference);
}

/** Writes registry and repository, without tag and digest: `docker.io/library/debian`. */
export function repositoryName(reference: Reference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** Writes the short name that Docker shows: `debian:latest`, `user/app:1`. */
export function familiarName(reference: Reference): string {
  return withSuffix(shortRepository(reference), reference);
}

function shortRepository({ registry, repository }: Pick<Reference, "registry" | "repository">) {
  if (registry !== DEFAULT_REGISTRY) return `${registry}/${repository}`;
  const short = repository.startsWith(OFFICIAL) ? repository.slice(OFFICIAL.length) : repository;
  return short.includes("/") ? repository : short;
}

function withSuffix(name: string, { tag, digest }: Reference): string {
  return name + (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function splitName(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isRegistry = first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
  if (!isRegistry) return official(DEFAULT_REGISTRY, name);
  return official(first === LEGACY_REGISTRY ? DEFAULT_REGISTRY : first, name.slice(slash + 1));
}

function official(registry: string, repository: string) {
  const short = registry === DEFAULT_REGISTRY && !repository.includes("/");
  return { registry, repository: short ? OFFICIAL + repository : repository };
}

/** The form of a name, as a hint. */
const FORM = "a name is [HOST[:PORT]/]NAME[:TAG][@DIGEST], such as ghcr.io/owner/app:1";

function malformed(text: string, why: string, hint: string = FORM): VarveError {
  return new VarveError(
    "E_USAGE",
    `Cannot read image name ${JSON.stringify(text.slice(0, 120))}: ${why}`,
    { hint },
  );
}
