import { VarveError } from "../errors.ts";
import { familiarName, parseReference, type Reference } from "../oci/mod.ts";
import {
  type Credential,
  defaultClientOptions,
  loadClientConfig,
  RegistryClient,
} from "../registry/mod.ts";
import { archiveName } from "./archive_source.ts";
import type { Context } from "./context.ts";

/** How one command talks to a registry. */
export interface ClientSettings {
  /** Whether to use http without TLS, as `--plain-http` asks. */
  readonly plainHttp?: boolean | undefined;
  /** Credential to use instead of those in files. */
  readonly credential?: Credential | undefined;
}

/** A client for the registry of a reference. The caller disposes it. */
export async function registryClient(
  context: Context,
  { registry, repository }: Pick<Reference, "registry"> & Partial<Reference>,
  { plainHttp, credential }: ClientSettings = {},
): Promise<RegistryClient> {
  return new RegistryClient(
    await loadClientConfig(registry, repository, {
      ...defaultClientOptions(context.io.env),
      // Without the option the address decides: http on loopback, else https.
      plainHttp: plainHttp || undefined,
      credential,
      onWarning: (message) => context.warn(message),
      signal: context.signal,
    }),
  );
}

/** Parses the value of `--concurrency`. @throws {VarveError} `E_USAGE` when it is not a number from 1 to 999 */
export function parseConcurrency(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9][0-9]{0,2}$/.test(value)) return Number(value);
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(value)} for --concurrency: give a number from 1 to 999`,
  );
}

/** A registry without a repository, such as `localhost:5000`. Docker's rules read it as an image of Docker Hub. */
const BARE_REGISTRY = /^(?:localhost|[^/@:]*\.[^/@:]*|\[[^\]]*\])(?::[^/@]*)?$/;
/** A name and a port. As the name of an image, its tag would be a number of four or five digits. */
const WITH_PORT = /^[^/@:]+:[0-9]{4,5}$/;

/**
 * Reads the name of an image in a registry. A text that names only a registry is refused, because it would mean an image
 * of Docker Hub.
 *
 * @param verb what the user wants to do, for messages: `push to`
 * @param sent the image that is sent there; `undefined` when nothing is sent. A name with a port is then read as a
 *   registry, too
 * @throws {VarveError} `E_USAGE`
 */
export function remoteReference(text: string, verb: string, sent?: Reference): Reference {
  const reference = parseReference(text);
  if (archiveName(text) !== undefined) {
    throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: it is the name of an archive`, {
      subject: text,
    });
  }
  if (!BARE_REGISTRY.test(text) && (sent === undefined || !WITH_PORT.test(text))) return reference;
  const name = sent === undefined ? "NAME" : familiarName({ ...sent, registry: "docker.io" });
  throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: a registry without a repository`, {
    subject: text,
    hint: `write ${text}/${name}; for Docker Hub, docker.io/library/${text}`,
  });
}
