import { VarveError } from "../errors.ts";
import type { Reference } from "../oci/mod.ts";
import { remoteReference as readRemoteReference } from "../registry/internal.ts";
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

/**
 * Reads the name of an image in a registry, as the library does. The name of an archive (`oci:DIR`) is refused, too.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function remoteReference(text: string, verb: string, sent?: Reference): Reference {
  if (archiveName(text) === undefined) return readRemoteReference(text, verb, sent);
  throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: it is the name of an archive`, {
    subject: text,
  });
}
