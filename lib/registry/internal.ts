/**
 * What other rooms need of the registry client; not part of the public API.
 *
 * @module
 */
export { helperEnvironment, loginFile } from "./config/default_options.ts";
export { isProxyVariable, PROXY_VARIABLES, proxyVariables } from "./http/proxy_variables.ts";
export { loadCopies } from "./transfer/load_copies.ts";
export { remoteReference } from "./transfer/remote_reference.ts";
export type { ProgramPullOptions } from "./transfer/pull_options.ts";
