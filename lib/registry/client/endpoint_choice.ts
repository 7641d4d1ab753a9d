import { VarveError } from "../../errors.ts";
import type { Capability, ClientConfig, Endpoint } from "../contract.ts";

/**
 * The endpoints with a capability, in the configured order.
 *
 * @throws {VarveError} `E_PRECONDITION` when there is none
 */
export function endpointsFor(
  { endpoints, registry }: ClientConfig,
  capability: Capability,
): readonly Endpoint[] {
  const able = endpoints.filter((endpoint) => endpoint.capabilities.includes(capability));
  if (able.length > 0) return able;
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot use registry ${registry}: its hosts.toml has no host that may ${capability}`,
  );
}

/**
 * The endpoint of the registry itself, not of a mirror. If there are several, the endpoint that
 * takes pushes.
 */
export function ownEndpointOf({ endpoints }: ClientConfig): Endpoint {
  const own = endpoints.filter(({ namespace }) => namespace === null);
  const forPush = own.find(({ capabilities }) => capabilities.includes("push"));
  return forPush ?? own[0] ?? endpoints.at(-1) as Endpoint;
}

/**
 * Tries the endpoints in order until one succeeds. Skips a mirror that fails or sends bad data.
 * Throws the error of the last endpoint.
 */
export async function askInOrder<T>(
  endpoints: readonly Endpoint[],
  ask: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  for (const endpoint of endpoints.slice(0, -1)) {
    try {
      return await ask(endpoint);
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
    }
  }
  return await ask(endpoints.at(-1) as Endpoint);
}
