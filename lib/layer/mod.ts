/** @module */
export type * from "./entry.ts";
export * from "./apply.ts";
export * from "./changes.ts";
export * from "./diff.ts";
export * from "./fold.ts";
export * from "./squash.ts";
export * from "./chain.ts";
export * from "./layer_builder.ts";
export * from "./limits.ts";
export * from "./policy.ts";
export * from "./rebase.ts";
export * from "./warnings.ts";
