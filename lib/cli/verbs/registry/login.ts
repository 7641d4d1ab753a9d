import { VarveError } from "../../../errors.ts";
import { parseReference } from "../../../oci/mod.ts";
import { helperEnvironment, loginFile } from "../../../registry/internal.ts";
import { eraseCredential, storeCredential } from "../../../registry/mod.ts";
import { askLogin } from "./ask_login.ts";
import type { Context } from "../../context.ts";
import { registryClient } from "../../registry.ts";
import { stringOption, type Verb } from "../../verb.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** Largest number of characters in a password. */
const MAX_PASSWORD = 64 * 1024;

/** `varve login`. */
export const login: Verb = {
  usage: "login <registry>",
  withoutStore: "unused",
  summary: "log in to a registry",
  help:
    `The password is asked for on the terminal, or read from standard input. It is stored only after the registry
has accepted it: in the credential helper that Docker's config.json names, else in config.json itself
($DOCKER_CONFIG/config.json or ~/.docker/config.json), which docker and podman read too. If
$REGISTRY_AUTH_FILE is set, the file that it names is used instead.

A token server on another domain than the registry gets the password only if the registry's hosts.toml
(see varve pull --help) names its address: token_realms = ["https://auth.example"].

JSON: {"registry","username","stored"}

Examples:
  varve login ghcr.io
  varve login ghcr.io --username me --password-stdin < token`,
  configure(command) {
    command
      .option("-u, --username <name>", "user name")
      .option("--password-stdin", "read the password from standard input")
      .option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    const registry = registryName(argument);
    const given = stringOption(options, "username");
    const { username, password } = options["passwordStdin"] === true
      ? { username: given ?? "", password: await readPassword(context) }
      : await askLogin(context, registry, given);
    if (username === "" || password === "") {
      const what = username === "" ? "user name" : "password";
      throw new VarveError("E_USAGE", `Cannot log in: the ${what} is empty`, {
        hint: "give --username NAME, and the password in a terminal or with --password-stdin",
      });
    }
    if (username.includes(":")) {
      throw new VarveError("E_USAGE", "Cannot log in: the user name contains a colon");
    }
    const credential = { kind: "basic", username, password } as const;
    {
      using client = await registryClient(context, { registry }, {
        plainHttp: isPlainHttp(options),
        credential,
      });
      await client.ping(context.signal);
    }
    const stored = await storeCredential(credential, optionsOf(context, registry));
    return {
      json: { registry, username, stored },
      text: `Logged in to ${registry}; the credentials are in ${stored}\n`,
    };
  },
};

/** `varve logout`. */
export const logout: Verb = {
  usage: "logout <registry>",
  withoutStore: "unused",
  summary: "remove the stored credentials of a registry",
  help: `JSON: {"registry","removed"}

Example:
  varve logout registry.example.org`,
  async run(context, [argument = ""]) {
    const registry = registryName(argument);
    const removed = await eraseCredential(optionsOf(context, registry));
    await warnOfOthers(context, registry);
    const said = removed ? "Logged out of" : "There were no credentials for";
    return { json: { registry, removed }, text: `${said} ${registry}\n` };
  },
};

/** The registry that an argument names, in the form that references use. @throws {VarveError} `E_USAGE` */
export function registryName(argument: string): string {
  const bare = argument.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  const { registry, repository } = parseReference(`${bare}/x`);
  const right = repository === "x" || (registry === "docker.io" && repository === "library/x");
  if (right && (bare === registry || registry === "docker.io")) return registry;
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(argument)} as a registry: give HOST or HOST:PORT`,
  );
}

async function readPassword(context: Context): Promise<string> {
  if (context.io.isTerminal("stdin")) {
    throw new VarveError(
      "E_USAGE",
      "Cannot read the password from a terminal with --password-stdin: it would be shown",
    );
  }
  const decoder = new TextDecoder();
  let password = "";
  const { io, signal } = context;
  for await (const chunk of io.stdin().pipeThrough(new TransformStream(), { signal })) {
    password += decoder.decode(chunk, { stream: true });
    if (password.length > MAX_PASSWORD) {
      throw new VarveError("E_LIMIT", `Cannot log in: the password is longer than ${MAX_PASSWORD}`);
    }
  }
  return password.replace(/\r?\n$/, "");
}

/** Warns about credentials of the registry in other files and helpers, which would still be used. */
async function warnOfOthers(context: Context, registry: string): Promise<void> {
  using client = await registryClient(context, { registry });
  const left = Object.keys(client.config.credentials);
  if (left.length === 0) return;
  context.warn(
    `there are still credentials for ${left.join(", ")} in another file or credential helper`,
  );
}

function optionsOf(context: Context, registry: string) {
  const file = loginFile(context.io.env);
  if (file === undefined) {
    throw new VarveError("E_USAGE", "Cannot find Docker's config.json: set DOCKER_CONFIG or HOME");
  }
  const { io: { env }, signal } = context;
  return { file, registry, ...helperEnvironment(env), signal };
}
