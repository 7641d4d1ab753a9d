/** How a container was run, as labels of its snapshot: what is needed to run it again. */
import type { ProcessOptions } from "./bundle/process.ts";
import type { Volume } from "./bundle/volume.ts";
import type { RunContainerOptions } from "./contract.ts";

/** The options of a run that are kept. Absent ones are taken from the image. */
export type StartOptions = Pick<
  RunContainerOptions,
  "process" | "volumes" | "readOnly" | "init" | "network" | "hostname" | "runtime" | "grace"
>;

/** The labels are `varve.container.options.0`, `.1` and so on: a JSON document in pieces, because a label is short. */
const PREFIX = "varve.container.options.";

/** Version of the JSON document. */
const VERSION = 1;

/** Longest piece, in characters. With the name it is below the limit of a label, 4096 bytes. */
const PIECE = 4000;

/** Whether a label is a piece of the options. */
export function isOptionLabel(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The labels that keep the options of a run. Sources of volumes become absolute paths. */
export function optionLabels(
  { process, volumes = [], readOnly, init, network, hostname, runtime, grace }: StartOptions,
): Record<string, string> {
  const document = JSON.stringify({
    version: VERSION,
    process,
    volumes: volumes.map(absolute),
    readOnly,
    init,
    network,
    hostname,
    runtime,
    grace,
  });
  // The limit counts bytes. In ASCII each character is one, and can be cut off anywhere.
  const text = document.replace(
    /[\u007f-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const labels: Record<string, string> = {};
  for (let at = 0; at < text.length; at += PIECE) {
    labels[`${PREFIX}${at / PIECE}`] = text.slice(at, at + PIECE);
  }
  return labels;
}

/**
 * Reads the options of the last run from the labels of a snapshot. `undefined` when there are none, `null` when they
 * cannot be read: they are of another version, or somebody changed them.
 */
export function readOptionLabels(
  labels: Readonly<Record<string, string>>,
): StartOptions | null | undefined {
  let text = "";
  for (let i = 0; Object.hasOwn(labels, `${PREFIX}${i}`); i++) text += labels[`${PREFIX}${i}`];
  if (text === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isDocument(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A relative source is relative to the directory of this run, not to that of the next one. */
function absolute(volume: Volume): Volume {
  const { source, tmpfs } = volume;
  if (tmpfs !== undefined || source.startsWith("/")) return volume;
  return { ...volume, source: `${Deno.cwd()}/${source.replace(/^(?:\.\/+)+/, "")}` };
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);

const PROCESS: Readonly<Record<keyof ProcessOptions, Check>> = {
  command: isTexts,
  entrypoint: isText,
  env: isTexts,
  workingDir: isText,
  user: isText,
  tty: isFlag,
};

const VOLUME: Readonly<Record<keyof Volume, Check>> = {
  source: isText,
  target: isText,
  readOnly: isFlag,
  tmpfs: isTexts,
};

const DOCUMENT: Readonly<Record<keyof StartOptions | "version", Check>> = {
  version: (value) => value === VERSION,
  process: (value) => hasFields(value, PROCESS),
  volumes: (value) =>
    Array.isArray(value) &&
    value.every((one) => hasFields(one, VOLUME, ["source", "target", "readOnly"])),
  readOnly: isFlag,
  init: isFlag,
  network: (value) => value === "host" || value === "none",
  hostname: isText,
  runtime: isText,
  grace: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};

function isDocument(value: unknown): value is StartOptions {
  return hasFields(value, DOCUMENT, ["version"]);
}

/** Whether a value is an object with these fields and no other one. */
function hasFields(
  value: unknown,
  checks: Readonly<Record<string, Check>>,
  needed: readonly string[] = [],
): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return needed.every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, field]) =>
      Object.hasOwn(checks, name) && checks[name]?.(field) === true
    );
}
