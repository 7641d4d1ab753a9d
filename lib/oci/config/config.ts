import { type DiffId, parseDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "../json/strict_json.ts";
import { checkOciLimit, type OciLimits, ociLimits } from "../limits.ts";
import { type Platform, platformFromJson } from "../platform/platform.ts";

/** One build step of an image (image-spec, config.md, "history"). */
export interface HistoryEntry {
  /** Time of the step, RFC 3339. */
  readonly created?: string | undefined;
  /** Command of the step, such as a Dockerfile instruction. */
  readonly createdBy?: string | undefined;
  /** Author of the step. */
  readonly author?: string | undefined;
  /** Comment of the author, as free text. */
  readonly comment?: string | undefined;
  /** Whether the step made no layer. Default: false. */
  readonly emptyLayer?: boolean | undefined;
}

/**
 * How a container of the image runs (image-spec, config.md, "config"). A field that is null in the
 * document is absent here.
 */
export interface ContainerConfig {
  /** User of the process: `user`, `uid`, `user:group` or `uid:gid`. */
  readonly user?: string | undefined;
  /** Ports that the container listens on, as `port/protocol`. */
  readonly exposedPorts?: readonly string[] | undefined;
  /** Environment of the process, as `NAME=value`. */
  readonly env?: readonly string[] | undefined;
  /** First words of the command line. Users rarely replace them. */
  readonly entrypoint?: readonly string[] | undefined;
  /** Words that follow the entrypoint. Arguments of the user replace them. */
  readonly cmd?: readonly string[] | undefined;
  /** Paths in the container at which volumes are mounted. */
  readonly volumes?: readonly string[] | undefined;
  /** Working directory of the process. */
  readonly workingDir?: string | undefined;
  /** Labels, as an object without prototype. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Signal that asks the container to stop, such as `SIGTERM`. */
  readonly stopSignal?: string | undefined;
}

/** An image config (image-spec, config.md; Docker's image JSON). */
export interface ImageConfig {
  /** Platform that the image runs on. An OS or architecture that the document lacks is an empty string. */
  readonly platform: Platform;
  /** The diffIDs of its layers, lowest first. */
  readonly diffIds: readonly DiffId[];
  /** Time of creation as written in the document. It should be RFC 3339, but is not checked. */
  readonly created?: string | undefined;
  /** Author of the image. */
  readonly author?: string | undefined;
  /** How a container of the image runs. */
  readonly config: ContainerConfig;
  /** Build steps, oldest first. */
  readonly history: readonly HistoryEntry[];
  /** The whole document, including the fields that varve does not know. */
  readonly document: JsonObject;
  /** The original bytes. Their digest is the image ID. */
  readonly raw: Uint8Array;
}

/** Options of {@linkcode parseImageConfig}. */
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
 * @throws {VarveError} `E_NOT_IMAGE` when it has no `rootfs` of type `layers`; `E_JSON`, `E_FORMAT`,
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
    maxValues: limits.jsonValues,
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
  // Docker leaves the field out when there are no layers.
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

/** A command is a list of words. Old builders wrote it as one string. */
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
  return defined({ created, createdBy, author, comment, emptyLayer });
}
