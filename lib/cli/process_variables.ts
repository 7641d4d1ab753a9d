import { VarveError } from "../errors.ts";
import { requirePermissions } from "../linux/mod.ts";
import { isProxyVariable, PROXY_VARIABLES } from "../registry/internal.ts";
import { takeProxyVariables } from "./proxy_variables.ts";

/** The variables that every command on a registry reads. */
const REGISTRY_VARIABLES: readonly string[] = [
  "SSL_CERT_FILE",
  "REGISTRY_AUTH_FILE",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "HOME",
  "DOCKER_CONFIG",
  "PATH",
  "GATEWAY_INTERFACE",
  ...PROXY_VARIABLES,
];

/** Every such command reads one of these two before the others of {@linkcode REGISTRY_VARIABLES}. */
const FIRST: readonly string[] = ["SSL_CERT_FILE", "REGISTRY_AUTH_FILE"];

/**
 * The proxy variables. {@linkcode takeProxyVariables} takes all of them out of the environment when the first one is
 * read.
 */
let proxies: Readonly<Record<string, string>> | undefined;

/**
 * Reads an environment variable of this process. The permission for a variable is requested only when the variable is
 * read. The permissions for all variables about registries are requested together, so that one error names them all.
 *
 * @throws {VarveError} `E_DENIED` Deno may not read one of them · `E_USAGE` its value is not UTF-8
 * @throws {Deno.errors.NotCapable} Deno may not read this one
 */
export function processVariable(name: string): string | undefined {
  if (FIRST.includes(name)) {
    const permissions = REGISTRY_VARIABLES.map((variable) => ({ name: "env" as const, variable }));
    requirePermissions("read the settings for registries", permissions);
  }
  if (!isProxyVariable(name)) return readVariable(name);
  proxies ??= takeProxyVariables(readVariable);
  return proxies[name];
}

/**
 * Reads a variable of this process.
 *
 * @throws {VarveError} `E_USAGE` its value is not UTF-8
 * @throws {Deno.errors.NotCapable} Deno may not read it
 */
function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    throw new VarveError("E_USAGE", `Cannot read the variable ${name}: its value is not UTF-8`, {
      subject: name,
    });
  }
}
