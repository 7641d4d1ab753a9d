/** @module */
export type * from "./entry.ts";
export * from "./apply.ts";
