import type { Digest } from "../digest/mod.ts";
import { type Reference, tryParseReference } from "../oci/mod.ts";

/** A repository, as a client names it and as the store does. */
export interface RepositoryName {
  /** As the client asked: `debian`, `library/debian`, `quay.io/team/app`. */
  readonly asked: string;
  /** Registry and repository as image names begin: `docker.io/library/debian`. */
  readonly full: string;
}

const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
/** The specification's grammar of a name ("Pulling manifests"). */
const NAME = new RegExp(`^${PART}(?:/${PART})*$`);
/** Longest name, so that host and name together stay below 255 characters (the specification's advice). */
const MAX_NAME = 255;
/** `host__5000/…`: names hold no colon, and hosts no underscore. */
const PORT = /^([a-z0-9.-]+)__([0-9]{1,5})\//;
const DOCKER = "docker.io/";

/**
 * Finds the repository of the store that a name of a request stands for. A name is read as Docker reads
 * the name of an image, so that what `docker pull NAME` would make is what the registry serves:
 *
 * - `debian` and `library/debian` are `docker.io/library/debian`, `team/app` is `docker.io/team/app`;
 * - `quay.io/team/app` is just that: a first part with a dot, or `localhost`, is a host;
 * - `foo_bar.baz/app` is `docker.io/foo_bar.baz/app`, for no host has an underscore;
 * - `localhost__5000/app` is `localhost:5000/app`, since a name on the wire holds no colon.
 *
 * The other way round this is {@linkcode nameOnTheWire}: there is one name space, so what is pushed to
 * `localhost:5000/team/app:1` is the image `team/app:1` of the store.
 *
 * @returns `undefined` when the name is malformed
 */
export function repositoryOf(asked: string): RepositoryName | undefined {
  if (asked.length > MAX_NAME || !NAME.test(asked)) return undefined;
  const reference = tryParseReference(`${asked.replace(PORT, "$1:$2/")}:x`) ??
    tryParseReference(`${asked}:x`) ?? tryParseReference(`${DOCKER}${asked}:x`);
  if (reference === undefined) return undefined;
  return { asked, full: `${reference.registry}/${reference.repository}` };
}

/**
 * The name by which clients reach a repository of the store.
 *
 * @returns `undefined` where there is none: hosts with upper case or IPv6 addresses
 */
export function nameOnTheWire(
  { registry, repository }: Pick<Reference, "registry" | "repository">,
): string | undefined {
  const full = `${registry}/${repository}`;
  const host = `${registry.replace(/:([0-9]+)$/, "__$1")}/`;
  const names = host === DOCKER ? [repository, full] : [host + repository];
  return names.find((name) => repositoryOf(name)?.full === full);
}

/** What the name of an image row says. */
export interface RowName {
  /** Registry and repository. */
  readonly full: string;
  /** On the wire; `undefined` where it has no such name. */
  readonly name: string | undefined;
  /** The tag, unless the row names a digest. */
  readonly tag: string | undefined;
}

/** Reads the name of an image row; `undefined` for images without a name. */
export function rowName(name: string): RowName | undefined {
  const reference = name.startsWith("<none>") ? undefined : tryParseReference(name);
  if (reference === undefined) return undefined;
  const { registry, repository, tag, digest } = reference;
  return {
    full: `${registry}/${repository}`,
    name: nameOnTheWire(reference),
    tag: digest === undefined ? tag : undefined,
  };
}

/** The row of a manifest that has no tag. */
export function untaggedRow({ full }: RepositoryName, digest: Digest): string {
  return `${full}@${digest}`;
}

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether a text is a tag (the specification, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
