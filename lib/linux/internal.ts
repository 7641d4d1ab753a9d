/**
 * What only the layer job needs of Linux; not part of the public API. It stands apart from `mod.ts`, because it loads
 * the codecs, and every command loads `mod.ts`.
 *
 * @module
 */
export * from "./isal/find_isal.ts";
