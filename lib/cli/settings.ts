import { DEFAULT_COMPRESS_LIMITS } from "../codec/compress/mod.ts";
import { DEFAULT_TAR_LIMITS } from "../codec/tar/mod.ts";
import { VarveError } from "../errors.ts";
import type { LoadOptions } from "../image/mod.ts";
import { LAYER_LIMITS, type LayerPolicy } from "../layer/mod.ts";
import { OCI_LIMITS } from "../oci/mod.ts";
import { CACHE_BOUNDS } from "../store/internal.ts";
import { documentLimits, type Store } from "../store/mod.ts";
import { DRIVER_CHOICES } from "./driver_choices.ts";
import { INFLATER_CHOICES } from "./inflater_choices.ts";
import { MAX_WORKERS } from "./options.ts";

/** A setting that a store keeps. */
export interface Setting {
  /** Name, such as `limits.layer.entries`. */
  readonly key: string;
  /** Value that applies when the setting is not set. */
  readonly default: string;
  /** What the setting controls, for `varve config ls`. */
  readonly about: string;
  /** The values that it accepts, in words for an error message. */
  readonly takes: string;
  /** The values that it accepts, if they are only a few. */
  readonly choices?: readonly string[] | undefined;
  /** Whether a value is allowed. */
  accepts(value: string): boolean;
}

function choice(key: string, choices: readonly string[], about: string): Setting {
  const [first = ""] = choices;
  return {
    key,
    default: first,
    about,
    takes: choices.join(" or "),
    choices,
    accepts: (value) => choices.includes(value),
  };
}

function count(
  key: string,
  fallback: number | string,
  about: string,
  most: number = Number.MAX_SAFE_INTEGER,
): Setting {
  return {
    key,
    default: String(fallback),
    about,
    takes: most === Number.MAX_SAFE_INTEGER
      ? "a whole number above 0"
      : `a whole number from 1 to ${most}`,
    accepts: (value) => /^[1-9][0-9]{0,15}$/.test(value) && Number(value) <= most,
  };
}

/** Limits for the tar and the compression of a layer, with their descriptions. */
const STREAM_LIMITS = {
  layerBytes: "uncompressed bytes of a layer, including the holes of sparse files",
  ratio: "uncompressed bytes per compressed byte",
  ratioFromBytes: "uncompressed bytes up to which the ratio is not checked",
  members: "gzip members or zstd frames in a layer",
  gzipHeaderBytes: "bytes in the header of a gzip member",
  zstdWindowBytes: "bytes in a zstd window",
  metaHeaderBytes: "bytes in a PAX header or a GNU long name",
  metaBytes: "bytes in all PAX headers, GNU long names and sparse maps of a layer",
  sparseMapBytes: "bytes in the map of a sparse file",
  longNames: "GNU long names before one entry",
} as const;

type StreamLimit = keyof typeof STREAM_LIMITS;

const STREAM_DEFAULTS: Readonly<Record<StreamLimit, number>> = {
  ...DEFAULT_TAR_LIMITS,
  ...DEFAULT_COMPRESS_LIMITS,
};

/**
 * Largest values of limits that the user cannot choose freely. Linux limits the length of a name, and memory limits the
 * window of a decoder.
 */
const MOST: Readonly<Record<string, number>> = {
  "limits.layer.component": LAYER_LIMITS.component.value,
  "limits.zstdWindowBytes": 2 ** 31,
};

/** All settings, in the order in which they are listed. */
export const SETTINGS: readonly Setting[] = [
  choice("durability", ["full", "none"], "whether to sync data to disk before it becomes visible"),
  choice("driver", DRIVER_CHOICES, "snapshot driver"),
  count("workers", "cores", "worker threads", MAX_WORKERS),
  choice(
    "inflate",
    INFLATER_CHOICES,
    "what decompresses gzip: libisal where it works, or node:zlib",
  ),
  choice(
    "devices",
    ["keep", "skip", "reject"],
    "what to do with device nodes in layers, when loading and extracting",
  ),
  choice(
    "compose.eager",
    ["off", "on"],
    "compose images when they are loaded or pulled, not at the first mount",
  ),
  choice("erofs.directio", ["off", "on"], "bypass the page cache of the layer files (Linux 6.13)"),
  choice("xattr.ima", ["drop", "keep"], "what to do with the attribute security.ima"),
  ...Object.values(CACHE_BOUNDS).map(({ setting, value, about }) => count(setting, value, about)),
  ...Object.values(LAYER_LIMITS).map(({ setting, value, about }) =>
    count(setting, value, about, MOST[setting])
  ),
  ...(Object.keys(STREAM_LIMITS) as StreamLimit[]).map((name) =>
    count(`limits.${name}`, STREAM_DEFAULTS[name], STREAM_LIMITS[name], MOST[`limits.${name}`])
  ),
  ...Object.values(OCI_LIMITS).map(({ setting, value, about }) => count(setting, value, about)),
];

/** Finds a setting by name. @throws {VarveError} `E_USAGE` no such setting; the hint gives a similar name */
export function settingOf(key: string): Setting {
  const setting = SETTINGS.find((one) => one.key === key);
  if (setting !== undefined) return setting;
  const last = key.slice(key.lastIndexOf(".") + 1).toLowerCase();
  const near = SETTINGS.find((one) => last !== "" && one.key.toLowerCase().includes(last));
  throw new VarveError(
    "E_USAGE",
    `Cannot find setting ${JSON.stringify(key)}: there is no such setting`,
    {
      subject: key,
      hint: near === undefined ? "'varve config ls' lists them" : `did you mean ${near.key}?`,
    },
  );
}

/**
 * The policy and the limits that the settings of a store give for loading images. Values that are not set are absent.
 */
export function loadSettings(
  store: Store,
): Required<Pick<LoadOptions, "policy" | "limits" | "streamLimits" | "ociLimits">> {
  const policy: { -readonly [K in keyof LayerPolicy]?: LayerPolicy[K] } = {};
  const devices = store.settings.get("devices");
  const ima = store.settings.get("xattr.ima");
  if (devices !== undefined) policy.devices = devices as LayerPolicy["devices"];
  if (ima !== undefined) policy.ima = ima as LayerPolicy["ima"];
  const names = Object.keys(STREAM_LIMITS) as StreamLimit[];
  return {
    policy,
    limits: numbers(store, LAYER_LIMITS),
    streamLimits: numbers(
      store,
      Object.fromEntries(names.map((name) => [name, { setting: `limits.${name}` }])),
    ),
    ociLimits: documentLimits(store),
  };
}

/** The values of the limits that are set. */
function numbers<K extends string>(
  store: Store,
  limits: Readonly<Record<K, { readonly setting: string }>>,
): { [L in K]?: number } {
  const out: { [L in K]?: number } = {};
  for (const name of Object.keys(limits) as K[]) {
    const value = store.settings.get(limits[name].setting);
    if (value !== undefined) out[name] = Number(value);
  }
  return out;
}
