import type { Digest } from "../digest/mod.ts";
import { isDigestLikeName, type Reference, tryParseReference } from "../oci/mod.ts";

/** The two names of a repository: the name in a request, and the name in the store. */
export interface RepositoryName {
  /** The name in the request: `debian`, `library/debian`, `quay.io/team/app`. */
  readonly asked: string;
  /**
   * Registry and repository, the first part of image names in the store:
   * `docker.io/library/debian`.
   */
  readonly full: string;
}

const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
/** The grammar of a repository name (distribution-spec, "Pulling manifests"). */
const NAME = new RegExp(`^${PART}(?:/${PART})*$`);
/** Longest repository name in characters (advice of the distribution-spec). */
const MAX_NAME = 255;
/** `host__5000/…` stands for `host:5000/…`: a repository name cannot hold a colon, a host cannot hold an underscore. */
const PORT = /^([a-z0-9.-]+)__([0-9]{1,5})\//;
const DOCKER = "docker.io/";

/**
 * Finds the repository of the store for the name in a request. The name is read as Docker reads the name
 * of an image, so the registry serves the image that `docker pull NAME` would give:
 *
 * - `debian` and `library/debian` are `docker.io/library/debian`, `team/app` is `docker.io/team/app`;
 * - `quay.io/team/app` stays: a first part with a dot is a host, and so is `localhost`;
 * - `foo_bar.baz/app` is `docker.io/foo_bar.baz/app`: a host cannot hold an underscore;
 * - `localhost__5000/app` is `localhost:5000/app`: a repository name cannot hold a colon.
 *
 * A name that reads as a digest, such as `sha256`, is not a repository name (`isDigestLikeName`).
 *
 * {@linkcode wireName} is the inverse. Registry and store share one name space: an image that is
 * pushed to `localhost:5000/team/app:1` is the image `team/app:1` of the store.
 *
 * @returns `undefined` when the name is malformed
 */
export function repositoryOf(asked: string): RepositoryName | undefined {
  if (asked.length > MAX_NAME || !NAME.test(asked) || isDigestLikeName(`${asked}:x`)) {
    return undefined;
  }
  const reference = tryParseReference(`${asked.replace(PORT, "$1:$2/")}:x`) ??
    tryParseReference(`${asked}:x`) ?? tryParseReference(`${DOCKER}${asked}:x`);
  if (reference === undefined) return undefined;
  return { asked, full: `${reference.registry}/${reference.repository}` };
}

/**
 * The name under which clients reach a repository of the store: the inverse of {@linkcode repositoryOf}.
 *
 * @returns `undefined` when the repository has no such name, as for hosts in upper case and IPv6
 * addresses
 */
export function wireName(
  { registry, repository }: Pick<Reference, "registry" | "repository">,
): string | undefined {
  const full = `${registry}/${repository}`;
  const host = `${registry.replace(/:([0-9]+)$/, "__$1")}/`;
  const names = host === DOCKER ? [repository, full] : [host + repository];
  return names.find((name) => repositoryOf(name)?.full === full);
}

/** The parts of an image name of the store. */
export interface ImageName {
  /** Registry and repository. */
  readonly full: string;
  /** The repository name for clients; `undefined` where there is none. */
  readonly name: string | undefined;
  /** The tag; `undefined` for a name with a digest. */
  readonly tag: string | undefined;
}

/** Parses an image name of the store; `undefined` for images without a name. */
export function parseImageName(name: string): ImageName | undefined {
  const reference = name.startsWith("<none>") ? undefined : tryParseReference(name);
  if (reference === undefined) return undefined;
  const { registry, repository, tag, digest } = reference;
  return {
    full: `${registry}/${repository}`,
    name: wireName(reference),
    tag: digest === undefined ? tag : undefined,
  };
}

/** The image name in the store that keeps a manifest without a tag. */
export function untaggedName({ full }: RepositoryName, digest: Digest): string {
  return `${full}@${digest}`;
}

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether a text is a valid tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
