import { VarveError } from "../../../errors.ts";
import {
  type RegistryServer,
  type ServedRequest,
  serveRegistry,
} from "../../../registry_server/mod.ts";
import { type LogEntry, logFields } from "../../display/log_fields.ts";
import { inflaterOf, oneOf } from "../../options.ts";
import { loadSettings } from "../../settings.ts";
import { STREAMED, stringOption, type Verb } from "../../verb.ts";

/** Default address: the usual port of a registry, on loopback only. */
const LISTEN = "127.0.0.1:5000";

/** `varve registry serve`. */
export const registryServe: Verb = {
  usage: "serve",
  withoutStore: "makes",
  summary: "serve the store as a registry on loopback, for other engines on this machine",
  help:
    `The server implements the OCI distribution specification 1.1: pull, push, tags, referrers and deletion. It
uses plain http and no authentication. It runs until SIGINT or SIGTERM.

Names map to images of the store as Docker reads them: localhost:5000/debian:12 is debian:12 (which is
docker.io/library/debian:12), and localhost:5000/quay.io/team/app:1 is quay.io/team/app:1. Two underscores
stand for the colon before a port: localhost:5000/localhost__5001/app:1 is localhost:5001/app:1.

A pushed image gets its name by the same rule and is verified as by 'varve load'. Artifacts are stored
unchanged. A manifest that loses its tag stays as NAME@DIGEST until 'varve rmi' or a DELETE removes it.
Uploaded blobs that no manifest names are removed after an hour without use, and when the command ends.

Each request is a line on stderr: time, client, method, path without the query, status, bytes of the body, and
milliseconds. Requests that failed because of the server are errors. --log json writes them for programs, --log none
writes none.

JSON: one line once the server is ready: {"url","hostname","port","readOnly"}

Examples:
  varve registry serve &
  podman pull --tls-verify=false localhost:5000/debian:12
  docker push localhost:5000/team/app:1
  varve registry serve --listen 127.0.0.1:0 --read-only --format json`,
  configure(command) {
    command
      .option("--listen <address>", `address and port; port 0 is any free one (default ${LISTEN})`)
      .option("--read-only", "refuse pushes and deletions")
      .option(
        "--any-address",
        "allow an address that other machines can reach; all of them may then push",
      )
      .option("--log <format>", "how to write requests: text, json or none (default text)");
  },
  async run(context, _args, options) {
    const { hostname, port } = parseListen(stringOption(options, "listen") ?? LISTEN);
    const log = oneOf("--log", stringOption(options, "log") ?? "text", ["text", "json", "none"]);
    const write = (entry: LogEntry) => {
      if (log !== "none") context.io.stderr(`${logFields(entry, log)}\n`);
    };
    const readOnly = options["readOnly"] === true;
    const store = await context.store();
    const settings = { ...loadSettings(store), inflater: inflaterOf(context.options, store) };
    const ended = Promise.withResolvers<void>();
    context.signal.addEventListener("abort", () => ended.resolve(), { once: true });
    context.signal.throwIfAborted();
    await using server = await serve();
    const { url } = server;
    const json = { url, hostname: server.hostname, port: server.port, readOnly };
    // A single line, so that a program knows when it has read all of it.
    const line = context.options.format === "json" ? JSON.stringify(json) : url;
    await context.io.stdout(context.template?.line(json) ?? `${line}\n`);
    await Promise.race([ended.promise, server.finished]);
    return STREAMED;

    async function serve(): Promise<RegistryServer> {
      try {
        return await serveRegistry(store, {
          ...settings,
          hostname,
          port,
          readOnly,
          anyAddress: options["anyAddress"] === true,
          pool: await context.pool({ mayBlock: false }),
          onRequest: (request) => write(entryOf(request)),
          onError: (error) => {
            const message = (error as Error)?.message ?? String(error);
            if (log === "none") return context.warn(message);
            write({ time: Date.now(), level: "error", event: "error", facts: { message } });
          },
        });
      } catch (error) {
        throw withHint(error);
      }
    }
  },
};

/** Parses `ADDRESS:PORT` or `[ADDRESS]:PORT`. @throws {VarveError} `E_USAGE` */
export function parseListen(value: string): { readonly hostname: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(value);
  const port = Number(match?.[3] ?? NaN);
  if (match === null || port > 65_535) {
    throw new VarveError(
      "E_USAGE",
      `Cannot listen on ${JSON.stringify(value)}: give ADDRESS:PORT, such as ${LISTEN}`,
    );
  }
  return { hostname: match[1] ?? match[2] as string, port };
}

/** A request as a line of the log. That a client asked for what is not here, is no error. */
function entryOf({ time, complete, ...facts }: ServedRequest): LogEntry {
  const level = facts.status >= 500 ? "error" : "info";
  return { time, level, event: "request", facts: complete ? facts : { ...facts, complete } };
}

/** Adds a hint that names an option to use. */
function withHint(error: unknown): unknown {
  if (!(error instanceof VarveError)) return error;
  const hint = error.code === "E_BUSY"
    ? "--listen 127.0.0.1:0 takes a free port"
    : error.code === "E_USAGE"
    ? "--any-address allows it"
    : undefined;
  if (hint === undefined) return error;
  return new VarveError(error.code, error.message, { ...error.details, hint }, { cause: error });
}
