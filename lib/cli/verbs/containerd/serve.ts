import { serveContainerd, type ServeEvent } from "../../../containerd/mod.ts";
import { isVarveError, VarveError } from "../../../errors.ts";
import { absolutePath } from "../../../linux/mod.ts";
import type { DiskStore } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import type { LogFormat } from "../../display/log_fields.ts";
import { inflaterOf } from "../../options.ts";
import { loadSettings } from "../../settings.ts";
import { type Options, type Report, STREAMED, stringOption, type Verb } from "../../verb.ts";
import {
  CONTAINERD_SOCKET as CONTAINERD,
  VARVE_SOCKET as SOCKET,
} from "../program/doctor_containerd.ts";
import { parseListen } from "../registry/serve.ts";
import { inheritedSocket } from "./inherited_socket.ts";
import { logLine } from "./log_line.ts";
import { containerdConfig, type Places, systemdUnits } from "./setup_texts.ts";

/** Milliseconds to wait for another process that collects garbage. */
const GC_WAIT = 10_000;

/** `varve serve`. */
export const serve: Verb = {
  usage: "serve",
  withoutStore: "makes",
  summary: "serve the store to containerd, as its snapshotter and differ",
  help:
    `containerd fetches blobs and runs containers. varve takes each layer's blob from containerd's content store, and
gives a container one composed image as the lower of its overlay: nothing is extracted. It runs until SIGINT or
SIGTERM. Then running calls get 10 seconds. It unmounts and removes nothing: containers go on.

containerd must know varve as its proxy plug-in: --print-config prints what its config.toml needs. Add that to what
stands there, with one line 'version', and start containerd again. varve must be in the same mount namespace as
containerd. 'varve doctor' says what is missing. With a socket unit of systemd no call is lost while varve is started
again: --print-units prints it, and a service with the options that are given beside it. The socket has mode 0600. One
process serves a store.

A pull does not fetch layers that the store holds: they were loaded or pulled by varve, or another namespace has them.
--adopt says whose pulls: those of Kubernetes (cri), of every client that names the chain of its snapshot (all), or none
(off). containerd then has no blobs of these layers: it cannot export the image, nor push it to a registry that lacks
them.

--log says how the log on standard error is written: a line for each call that failed, and for each layer that was
applied. --metrics serves metrics in Prometheus' format at http://ADDRESS:PORT/metrics, on loopback only.

JSON: one line once varve answers: {"socket":PATH|null,"root","containerd","metrics":URL|null}

Examples:
  varve serve --print-config 1.7
  varve serve
  varve serve --log json --metrics 127.0.0.1:9253
  varve serve --metrics 127.0.0.1:9253 --print-units
  ctr image pull --snapshotter varve docker.io/library/debian:12`,
  configure(command) {
    command
      .option("--socket <path>", `the socket to make (default ${SOCKET})`)
      .option("--containerd <path>", `containerd's socket (default ${CONTAINERD})`)
      .option(
        "--adopt <whose>",
        "pulls that take layers of the store: cri, all or off (default cri)",
      )
      .option("--log <format>", "text or json (default text)")
      .option("--metrics <address>", "address and port of loopback; port 0 is any free one")
      .option("--print-config <version>", "print what containerd's config.toml needs: 1.7 or 2")
      .option("--print-units", "print a socket unit and a service unit of systemd");
  },
  async run(context, _args, options) {
    // What is malformed is refused before anything is printed, or a store is made.
    const given = stringOption(options, "metrics");
    const metrics = given === undefined ? undefined : parseListen(given);
    const places = placesOf(context, options);
    const printed = printedText(options, places);
    if (printed !== undefined) return printed;
    const log = choice(options, "log", ["text", "json"]) ?? "text";
    const inherited = stringOption(options, "socket") === undefined
      ? inheritedSocket(context.io.env)
      : undefined;
    const adopt = choice(options, "adopt", ["cri", "all", "off"]) ?? "cri";
    const store = await context.store();
    const pool = await context.pool({ mayBlock: false });
    const { selectDriver } = await import("../../../snapshot/mod.ts");
    const ended = Promise.withResolvers<void>();
    context.signal.addEventListener("abort", () => ended.resolve(), { once: true });
    context.signal.throwIfAborted();
    await using server = await serveContainerd(store, {
      socket: inherited === undefined ? places.socket : { descriptor: inherited },
      containerd: places.containerd,
      pool,
      driver: selectDriver(store, {
        pool,
        wanted: context.options.driver,
        onWarning: (message) => writeLog(context, { kind: "warning", message }, log),
      }),
      rules: { ...loadSettings(store), inflater: inflaterOf(context.options, store) },
      adopt,
      metrics,
      free: (signal) => free(store, signal),
      onEvent: (event) => writeLog(context, event, log),
    });
    const json = {
      socket: server.socket,
      root: store.root,
      containerd: places.containerd,
      metrics: server.metrics,
    };
    // A single line, so that a program knows when it has read all of it.
    const line = context.options.format === "json"
      ? JSON.stringify(json)
      : server.socket ?? `descriptor ${inherited}`;
    await context.io.stdout(context.template?.line(json) ?? `${line}\n`);
    await ended.promise;
    return STREAMED;
  },
};

/** Frees what only snapshots kept that containerd has removed. containerd asks again after each of its own gcs. */
async function free(store: DiskStore, signal: AbortSignal): Promise<void> {
  const { collectGarbage } = await import("../../../upkeep/mod.ts");
  try {
    await collectGarbage(store, { wait: GC_WAIT, signal });
  } catch (error) {
    // The other process frees it.
    if (!isVarveError(error, "E_BUSY")) throw error;
  }
}

function placesOf(context: Context, options: Options): Places {
  const path = (name: string, fallback: string) =>
    absolutePath(stringOption(options, name) ?? fallback);
  return {
    socket: path("socket", SOCKET),
    containerd: path("containerd", CONTAINERD),
    root: absolutePath(context.options.root),
    platform: `linux/${Deno.build.arch === "aarch64" ? "arm64" : "amd64"}`,
    command: context.io.self?.() ?? ["varve"],
    options: daemonOptions(context, options),
  };
}

/** The options that say how a daemon works, as words of a command line. A variable becomes an option. */
function daemonOptions(
  { options: { driver, durability, workers } }: Context,
  options: Options,
): string[] {
  const given: Readonly<Record<string, string | number | undefined>> = {
    adopt: choice(options, "adopt", ["cri", "all", "off"]),
    log: choice(options, "log", ["text", "json"]),
    metrics: stringOption(options, "metrics"),
    ...{ driver, durability, workers },
  };
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)]
  );
}

function printedText(options: Options, places: Places): Report | undefined {
  const version = choice(options, "printConfig", ["1.7", "2"]);
  if (version !== undefined) {
    if (options["printUnits"] === true) {
      throw new VarveError("E_USAGE", "Cannot use --print-config with --print-units", {
        hint: "give one of them",
      });
    }
    const text = containerdConfig(version, places);
    return { json: { config: text }, text };
  }
  if (options["printUnits"] !== true) return undefined;
  const text = systemdUnits(places);
  return { json: { units: text }, text };
}

function writeLog({ io, options }: Context, event: ServeEvent, format: LogFormat): void {
  if (event.kind === "warning" && options.quiet) return;
  io.stderr(`${logLine(event, format, Date.now())}\n`);
}

/** The value of an option that has few. @throws {VarveError} `E_USAGE` */
function choice<Value extends string>(
  options: Options,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const given = stringOption(options, name);
  if (given === undefined) return undefined;
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${flag} ${JSON.stringify(given)}: it is ${values.join(" or ")}`,
  );
}
