import type { DiffId } from "../../digest/mod.ts";
import {
  type ConfigOptions,
  type HistoryEntry,
  type ImageConfig,
  parseImageConfig,
} from "./config.ts";
import { type ContainerChange, documentFields } from "./container_change.ts";
import { type Encodable, encodeJson } from "../json/encode_json.ts";
import type { JsonObject } from "../json/strict_json.ts";

/** Changes to an image config. Absent fields stay as they are. */
export interface ConfigEdit {
  /** Time of creation, RFC 3339. */
  readonly created?: string | undefined;
  /** Author of the image. */
  readonly author?: string | undefined;
  /** DiffIDs of all layers, lowest first. */
  readonly diffIds?: readonly DiffId[] | undefined;
  /** All build steps, oldest first. */
  readonly history?: readonly HistoryEntry[] | undefined;
  /** Changes to how a container of the image runs. */
  readonly config?: ContainerChange | undefined;
}

/** Fields of a new image config. */
export interface NewConfig {
  /** Platform that the image runs on. */
  readonly platform: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string | undefined;
  };
  /** Time of creation, RFC 3339. */
  readonly created?: string | undefined;
  /** Author of the image. */
  readonly author?: string | undefined;
  /** How a container of the image runs. */
  readonly config?: ContainerChange | undefined;
  /** DiffIDs of all layers, lowest first. */
  readonly diffIds: readonly DiffId[];
  /** All build steps, oldest first. */
  readonly history: readonly HistoryEntry[];
}

/** Writes the config of a new image. The same fields give the same bytes. */
export function encodeConfig(fields: NewConfig): Uint8Array<ArrayBuffer> {
  const { platform } = fields;
  return encodeJson({
    created: fields.created,
    author: fields.author,
    architecture: platform.architecture,
    os: platform.os,
    variant: platform.variant,
    config: sorted(documentFields(fields.config ?? {})),
    rootfs: rootfs(fields.diffIds),
    history: fields.history.map(historyToJson),
  });
}

/**
 * Makes a new config from a config and changes. Keeps fields that varve does not know, in their
 * order. The same config and edit give the same bytes.
 *
 * @throws {VarveError} the errors of {@linkcode parseImageConfig}, when the result is not an image config
 */
export function editConfig(
  config: ImageConfig,
  edit: ConfigEdit,
  options: ConfigOptions = {},
): ImageConfig {
  const out = Object.create(null) as Record<string, Encodable>;
  Object.assign(out, config.document);
  if (edit.created !== undefined) out.created = edit.created;
  if (edit.author !== undefined) out.author = edit.author;
  if (edit.config !== undefined) {
    const before = (config.document.config ?? {}) as JsonObject;
    out.config = sorted({ ...before as Record<string, Encodable>, ...documentFields(edit.config) });
  }
  if (edit.diffIds !== undefined) out.rootfs = rootfs(edit.diffIds);
  if (edit.history !== undefined) out.history = edit.history.map(historyToJson);
  return parseImageConfig(encodeJson(out), options);
}

/**
 * Adds a layer and its build step to a config. With `diffId` null, it adds only a step that made no
 * layer.
 */
export function appendLayer(
  config: ImageConfig,
  diffId: DiffId | null,
  entry: HistoryEntry,
  options: ConfigOptions = {},
): ImageConfig {
  const step = diffId === null ? { ...entry, emptyLayer: true } : entry;
  return editConfig(config, {
    diffIds: diffId === null ? undefined : [...config.diffIds, diffId],
    created: entry.created,
    history: [...wholeHistory(config), step],
  }, options);
}

/**
 * The whole history of a config. For each layer that has no step, a step without fields is appended.
 *
 * A history may lack steps. A step that is appended to such a history would describe the wrong
 * layer, and buildah refuses an incomplete history.
 */
export function wholeHistory({ history, diffIds }: ImageConfig): readonly HistoryEntry[] {
  const missing = diffIds.length - madeLayers(history);
  return missing <= 0 ? history : [...history, ...Array.from({ length: missing }, () => ({}))];
}

/** The number of steps of a history that made a layer. */
export function madeLayers(history: readonly HistoryEntry[]): number {
  return history.filter(({ emptyLayer }) => emptyLayer !== true).length;
}

function rootfs(diffIds: readonly DiffId[]): Encodable {
  return { type: "layers", diff_ids: diffIds };
}

function historyToJson(entry: HistoryEntry): Encodable {
  return {
    created: entry.created,
    created_by: entry.createdBy,
    author: entry.author,
    comment: entry.comment,
    empty_layer: entry.emptyLayer === true ? true : undefined,
  };
}

function sorted(fields: Readonly<Record<string, Encodable>>): Encodable {
  const out = Object.create(null) as Record<string, Encodable>;
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] !== null) out[key] = fields[key];
  }
  return out;
}
