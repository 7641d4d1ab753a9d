/**
 * Composition: a chain of layers becomes one EROFS image whose files lie in the layer tars.
 *
 * @module
 */
export { composeChain, type ComposedChain, type ComposeOptions } from "./compose_chain.ts";
export type { ComposedImage } from "./contract.ts";
