/**
 * The command line as a library: one call runs one command.
 *
 * @module
 */
export type { Io } from "./context.ts";
export { runCli, type RunCliOptions } from "./run.ts";
export { VERSION } from "./verbs/program/version.ts";
