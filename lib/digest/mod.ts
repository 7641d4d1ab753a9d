/** @module */
export * from "./digest.ts";
