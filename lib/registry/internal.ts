/**
 * What other rooms need of the registry client; not part of the public API.
 *
 * @module
 */
export type { ProgramPullOptions } from "./transfer/pull_options.ts";
