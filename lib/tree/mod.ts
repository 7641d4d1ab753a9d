/** @module */
export type * from "./node.ts";
