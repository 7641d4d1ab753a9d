import type { Reference } from "../../oci/mod.ts";
import { RegistryClient } from "../client/registry_client.ts";

/** The client that a transfer uses. */
export interface ClientChoice {
  /**
   * Client of the registry, or of every registry. When absent, the registry is asked anonymously, and no
   * file of credentials or hosts is read.
   */
  readonly client?: RegistryClient | undefined;
}

/**
 * Calls `use` with the client for the registry of an image. A client that is made here is disposed
 * at the end of the call.
 */
export async function withClient<T>(
  { client }: ClientChoice,
  reference: Reference,
  use: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  using own = client === undefined ? new RegistryClient() : null;
  return await use(await (client ?? own as RegistryClient).for(reference));
}
