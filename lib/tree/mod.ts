/** @module */
export type * from "./node.ts";
export type * from "./tree.ts";
export * from "./draft.ts";
