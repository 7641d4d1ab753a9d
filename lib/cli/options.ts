import { VarveError } from "../errors.ts";
import type { InflaterName } from "../layer_job/mod.ts";
import type { Store } from "../store/mod.ts";
import { DRIVER_CHOICES } from "./driver_choices.ts";
import { INFLATER_CHOICES } from "./inflater_choices.ts";

/** Options that every verb takes, before or after its name. */
export interface GlobalOptions {
  /** Directory of the store. */
  readonly root: string;
  /** Whether the user named the root, by an option or a variable. */
  readonly isRootGiven: boolean;
  /** How to print results. With a template, the JSON is what it is filled from. */
  readonly format: "text" | "json";
  /** Whether the user named the format. */
  readonly isFormatGiven: boolean;
  /** The template that `--format` gives. */
  readonly template: string | undefined;
  /** Whether to print neither progress nor warnings. */
  readonly quiet: boolean;
  /** How to show progress: bars on a terminal (`auto`), plain lines, or not at all. */
  readonly progress: "auto" | "plain" | "none";
  /** Whether to sync data to disk; `undefined`: as the store's setting says. */
  readonly durability: "full" | "none" | undefined;
  /** Number of worker threads; `undefined`: the store's setting, else one per core and at most four. */
  readonly workers: number | undefined;
  /** Snapshot driver; `undefined`: the store's setting, else the best that works here. */
  readonly driver: string | undefined;
  /** What decompresses gzip; `undefined`: the store's setting, else the fastest that works here. */
  readonly inflater: InflaterName | undefined;
}

/** Reads one environment variable. */
export type Env = (name: string) => string | undefined;

/**
 * Combines options and environment. An option overrides its variable.
 *
 * @throws {VarveError} `E_USAGE` for a value that is not allowed
 */
export function globalOptions(
  given: Readonly<Record<string, unknown>>,
  env: Env,
  isRoot: () => boolean,
): GlobalOptions {
  const value = (name: string, variable?: string): string | undefined => {
    const option = given[name];
    if (typeof option === "string") return option;
    const fromEnv = variable === undefined ? undefined : env(variable);
    return fromEnv === undefined || fromEnv === "" ? undefined : fromEnv;
  };
  /** What the user has to change: the option or the variable. */
  const source = (name: string, variable: string): string =>
    typeof given[name] === "string" ? `--${name}` : variable;
  const givenFormat = value("format");
  const format = givenFormat ?? "text";
  const template = format.includes("{{") ? format : undefined;
  return {
    root: rootOf(value("root", "VARVE_ROOT"), env, isRoot),
    isRootGiven: value("root", "VARVE_ROOT") !== undefined,
    format: template === undefined ? oneOf("--format", format, ["text", "json"]) : "json",
    isFormatGiven: givenFormat !== undefined,
    template,
    quiet: given["quiet"] === true,
    progress: oneOf("--progress", value("progress") ?? "auto", ["auto", "plain", "none"]),
    durability: optional(
      value("durability", "VARVE_DURABILITY"),
      (v) => oneOf(source("durability", "VARVE_DURABILITY"), v, ["full", "none"]),
    ),
    workers: optional(
      value("workers", "VARVE_WORKERS"),
      (v) => parseWorkers(v, source("workers", "VARVE_WORKERS")),
    ),
    driver: optional(
      value("driver", "VARVE_DRIVER"),
      (v) => oneOf(source("driver", "VARVE_DRIVER"), v, DRIVER_CHOICES),
    ),
    inflater: optional(
      value("inflate", "VARVE_INFLATE"),
      (v) => oneOf("VARVE_INFLATE", v, INFLATER_CHOICES),
    ),
  };
}

/** The number of workers: the option, else the store's setting. */
export function workersOf(options: GlobalOptions, store: Store | undefined): number | undefined {
  return options.workers ?? optional(store?.settings.get("workers"), parseWorkers);
}

/** What decompresses gzip: the environment, else the store's setting, else `auto`. */
export function inflaterOf(options: GlobalOptions, store: Store | undefined): InflaterName {
  const set = INFLATER_CHOICES.find((name) => name === store?.settings.get("inflate"));
  return options.inflater ?? set ?? "auto";
}

/** Largest number of workers that the user may ask for. */
export const MAX_WORKERS = 256;

/**
 * Parses a number of workers. `source` names the option, variable or setting that has the value, for the message.
 *
 * @throws {VarveError} `E_USAGE` when it is not from 1 to {@linkcode MAX_WORKERS}
 */
export function parseWorkers(value: string, source = "the setting workers"): number {
  const count = /^[0-9]{1,4}$/.test(value) ? Number(value) : 0;
  if (count < 1 || count > MAX_WORKERS) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use ${JSON.stringify(value)} for ${source}: give a number from 1 to ${MAX_WORKERS}`,
    );
  }
  return count;
}

/** Returns the value if it is one of the choices. @throws {VarveError} `E_USAGE` any other value */
export function oneOf<const T extends string>(
  what: string,
  value: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use ${JSON.stringify(value)} for ${what}: give ${choices.join(" or ")}`,
    );
  }
  return found;
}

function optional<T, U>(value: T | undefined, map: (value: T) => U): U | undefined {
  return value === undefined ? undefined : map(value);
}

function rootOf(given: string | undefined, env: Env, isRoot: () => boolean): string {
  if (given !== undefined) {
    if (given === "") throw new VarveError("E_USAGE", "Cannot use --root: it is empty");
    return given;
  }
  if (isRoot()) return "/var/lib/varve";
  const data = env("XDG_DATA_HOME");
  if (data !== undefined && data.startsWith("/")) return `${data}/varve`;
  const home = env("HOME");
  if (home === undefined || !home.startsWith("/")) {
    throw new VarveError("E_USAGE", "Cannot find the store: give --root, VARVE_ROOT or HOME");
  }
  return `${home}/.local/share/varve`;
}
