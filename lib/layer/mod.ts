/** @module */
export type * from "./entry.ts";
