import { type DiffId, parseDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "../json/strict_json.ts";
import { checkOciLimit, type OciLimits, ociLimits } from "../limits.ts";
import { type Platform, platformFromJson } from "../platform/platform.ts";

/** How a layer came to be (image-spec, config.md, "history"). */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string | undefined;
  /** The command. */
  readonly createdBy?: string | undefined;
  /** Who made it. */
  readonly author?: string | undefined;
  /** Free text. */
  readonly comment?: string | undefined;
  /** Whether it made no layer. */
  readonly emptyLayer?: boolean | undefined;
}

/** What a container of the image runs (image-spec, config.md, "config"). Null in the document is absent here. */
export interface ContainerConfig {
  /** `user`, `uid`, `user:group`, `uid:gid`. */
  readonly user?: string | undefined;
  /** `port/protocol`. */
  readonly exposedPorts?: readonly string[] | undefined;
  /** `NAME=value`. */
  readonly env?: readonly string[] | undefined;
  /** Begins the command line. */
  readonly entrypoint?: readonly string[] | undefined;
  /** Ends the command line. */
  readonly cmd?: readonly string[] | undefined;
  /** Paths of volumes. */
  readonly volumes?: readonly string[] | undefined;
  /** Where the command starts. */
  readonly workingDir?: string | undefined;
  /** Labels; an object without prototype. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Signal that ends the container. */
  readonly stopSignal?: string | undefined;
}

/** An image config (image-spec, config.md; Docker's image JSON). */
export interface ImageConfig {
  /** What it runs on; empty strings where the document does not say. */
  readonly platform: Platform;
  /** The diffIDs of its layers, lowest first. */
  readonly diffIds: readonly DiffId[];
  /** RFC 3339, as the document has it. */
  readonly created?: string | undefined;
  /** Who made it. */
  readonly author?: string | undefined;
  /** What a container of it runs. */
  readonly config: ContainerConfig;
  /** How it came to be, lowest first. */
  readonly history: readonly HistoryEntry[];
  /** The whole document, with the fields that are not named here. */
  readonly document: JsonObject;
  /** The bytes as they came: the image ID is their digest. */
  readonly raw: Uint8Array;
}

/** How a config is read. */
export interface ConfigOptions {
  /** Limits that differ from {@linkcode OCI_LIMITS}. */
  readonly limits?: Partial<OciLimits> | undefined;
}

const NAMES = [
  "architecture",
  "os",
  "variant",
  "os.version",
  "os.features",
  "created",
  "author",
  "config",
  "rootfs",
  "history",
];
const CONTAINER_NAMES = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",
];
const HISTORY_NAMES = ["created", "created_by", "author", "comment", "empty_layer"];

/**
 * Reads an image config.
 *
 * @throws {VarveError} `E_NOT_IMAGE` when it has no root filesystem made of layers; `E_JSON`, `E_FORMAT`,
 * `E_DIGEST_FORMAT`, `E_LIMIT`
 */
export function parseImageConfig(
  bytes: Uint8Array,
  options: ConfigOptions = {},
): ImageConfig {
  const limits = ociLimits(options.limits);
  checkOciLimit("config", limits.config, bytes.length);
  const json = parseStrictJson(bytes, {
    what: "image config",
    maxBytes: limits.config,
    maxDepth: limits.jsonDepth,
  });
  const fields = new Fields(json, "image config", NAMES);
  const created = fields.string("created");
  const author = fields.string("author");
  return defined({
    platform: platformFromJson(platformPart(fields), "image config"),
    diffIds: readDiffIds(fields, limits),
    created,
    author,
    config: readContainer(fields.object("config")),
    history: (fields.array("history") ?? []).map(readHistory),
    document: json as JsonObject,
    raw: bytes,
  });
}

function platformPart(fields: Fields): JsonObject {
  const part = Object.create(null) as Record<string, JsonValue>;
  for (const name of NAMES.slice(0, 5)) part[name] = fields.raw(name) ?? null;
  return part;
}

function readDiffIds(fields: Fields, limits: OciLimits): readonly DiffId[] {
  const value = fields.raw("rootfs");
  if (value === undefined) {
    throw new VarveError("E_NOT_IMAGE", 'Cannot read image config: it has no "rootfs"');
  }
  const rootfs = new Fields(value, "rootfs of image config", ["type", "diff_ids"]);
  if (rootfs.raw("type") !== "layers") {
    throw new VarveError(
      "E_NOT_IMAGE",
      'Cannot read image config: the type of its rootfs is not "layers"',
    );
  }
  // Docker leaves the field out where there are no layers.
  const diffIds = rootfs.array("diff_ids") ?? [];
  checkOciLimit("layers", limits.layers, diffIds.length);
  return diffIds.map((diffId) => parseDigest(diffId) as DiffId);
}

function readContainer(value: JsonObject | undefined): ContainerConfig {
  if (value === undefined) return {};
  const fields = new Fields(value, "container part of image config", CONTAINER_NAMES);
  return defined({
    user: fields.string("User"),
    exposedPorts: keys(fields.object("ExposedPorts")),
    env: fields.strings("Env"),
    entrypoint: command(fields, "Entrypoint"),
    cmd: command(fields, "Cmd"),
    volumes: keys(fields.object("Volumes")),
    workingDir: fields.string("WorkingDir"),
    labels: fields.map("Labels"),
    stopSignal: fields.string("StopSignal"),
  });
}

/** Old builders wrote a command as one string. */
function command(fields: Fields, name: string): readonly string[] | undefined {
  const value = fields.raw(name);
  return typeof value === "string" ? [value] : fields.strings(name);
}

function keys(object: JsonObject | undefined): readonly string[] | undefined {
  return object === undefined ? undefined : Object.keys(object).sort();
}

function readHistory(value: JsonValue, i: number): HistoryEntry {
  const fields = new Fields(value, `history entry ${i} of image config`, HISTORY_NAMES);
  const created = fields.string("created");
  const createdBy = fields.string("created_by");
  const author = fields.string("author");
  const comment = fields.string("comment");
  const emptyLayer = fields.boolean("empty_layer");
  return defined({
    created,
    createdBy,
    author,
    comment,
    emptyLayer,
  });
}
