/**
 * A registry over the store, on loopback: whatever the store holds can be pulled and pushed by any engine.
 *
 * @module
 */
export type { RegistryServer, ServeRegistryOptions } from "./contract.ts";
export { serveRegistry } from "./serve.ts";
