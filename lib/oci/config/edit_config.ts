import type { DiffId } from "../../digest/mod.ts";
import {
  type ConfigOptions,
  type HistoryEntry,
  type ImageConfig,
  parseImageConfig,
} from "./config.ts";
import { type Encodable, encodeJson } from "../json/encode_json.ts";
import type { JsonObject } from "../json/strict_json.ts";

/** Changes of an image config; what is left out stays as it is. */
export interface ConfigEdit {
  /** RFC 3339. */
  readonly created?: string | undefined;
  /** Who made it. */
  readonly author?: string | undefined;
  /** All diffIDs, lowest first. */
  readonly diffIds?: readonly DiffId[] | undefined;
  /** The whole history, lowest first. */
  readonly history?: readonly HistoryEntry[] | undefined;
  /** Fields of the container part, by their names in the document (`Env`, `Cmd`); `null` removes one. */
  readonly container?: Readonly<Record<string, Encodable>> | undefined;
}

/** What a new image is made of. */
export interface NewConfig {
  /** What it runs on. */
  readonly platform: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string | undefined;
  };
  /** RFC 3339. */
  readonly created?: string | undefined;
  /** Who made it. */
  readonly author?: string | undefined;
  /** Fields of the container part, by their names in the document. */
  readonly container?: Readonly<Record<string, Encodable>> | undefined;
  /** All diffIDs, lowest first. */
  readonly diffIds: readonly DiffId[];
  /** The whole history, lowest first. */
  readonly history: readonly HistoryEntry[];
}

/** Writes the config of a new image: the same fields give the same bytes. */
export function encodeConfig(fields: NewConfig): Uint8Array<ArrayBuffer> {
  const { platform } = fields;
  return encodeJson({
    created: fields.created,
    author: fields.author,
    architecture: platform.architecture,
    os: platform.os,
    variant: platform.variant,
    config: sorted(fields.container ?? {}),
    rootfs: rootfs(fields.diffIds),
    history: fields.history.map(historyToJson),
  });
}

/**
 * A config with changes. Fields that varve does not know stay, in their order; the same config and edit
 * give the same bytes.
 *
 * @throws {VarveError} as {@linkcode parseImageConfig}, when the edit makes no image config
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
  if (edit.container !== undefined) {
    const before = (config.document.config ?? {}) as JsonObject;
    out.config = sorted({ ...before as Record<string, Encodable>, ...edit.container });
  }
  if (edit.diffIds !== undefined) out.rootfs = rootfs(edit.diffIds);
  if (edit.history !== undefined) out.history = edit.history.map(historyToJson);
  return parseImageConfig(encodeJson(out), options);
}

/** A config with one more layer on top, or with a history entry alone when `diffId` is `null`. */
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
 * A history with a step for each layer, also those that it does not tell of: what is put behind it would
 * tell of one of them instead, and builders refuse a history that begins and has not all layers (buildah).
 */
export function wholeHistory({ history, diffIds }: ImageConfig): readonly HistoryEntry[] {
  const missing = diffIds.length - madeLayers(history);
  return missing <= 0 ? history : [...history, ...Array.from({ length: missing }, () => ({}))];
}

/** How many layers a history tells of. */
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
