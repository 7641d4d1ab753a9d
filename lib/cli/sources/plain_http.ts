import type { Options } from "../verb.ts";

/** The option of every verb that can talk to a registry. */
export const PLAIN_HTTP_OPTION: readonly [flags: string, description: string] = [
  "--plain-http",
  "talk to registries without TLS (default: only on this machine)",
];

/** Whether the option is given. */
export function isPlainHttp(options: Options): boolean {
  return options["plainHttp"] === true;
}
