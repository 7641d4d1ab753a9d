import { VarveError } from "../errors.ts";
import { LAYER_LIMITS, type LayerLimits, type LayerPolicy } from "../layer/mod.ts";
import { OCI_LIMITS } from "../oci/mod.ts";
import type { Store } from "../store/mod.ts";

/** A setting that a store keeps. */
export interface Setting {
  /** Its name. */
  readonly key: string;
  /** What holds when it is not set. */
  readonly default: string;
  /** What it does. */
  readonly about: string;
  /** What values it takes, for people. */
  readonly takes: string;
  /** Whether it takes a value. */
  accepts(value: string): boolean;
}

function choice(key: string, choices: readonly string[], about: string): Setting {
  const [first = ""] = choices;
  return {
    key,
    default: first,
    about,
    takes: choices.join(" or "),
    accepts: (value) => choices.includes(value),
  };
}

function count(key: string, fallback: number | string, about: string): Setting {
  return {
    key,
    default: String(fallback),
    about,
    takes: "a whole number above 0",
    accepts: (value) => /^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value)),
  };
}

/** All settings, in the order in which they are listed. */
export const SETTINGS: readonly Setting[] = [
  choice("durability", ["full", "none"], "whether data is synced before it is visible"),
  choice("driver", ["auto", "overlay", "native"], "snapshot driver"),
  count("workers", "cores", "worker threads"),
  choice("devices", ["keep", "skip", "reject"], "device nodes in layers"),
  choice("xattr.ima", ["drop", "keep"], "the attribute security.ima"),
  ...Object.values(LAYER_LIMITS).map((limit) => count(limit.setting, limit.value, limit.about)),
  ...Object.values(OCI_LIMITS).map((limit) => count(limit.setting, limit.value, limit.about)),
];

/** A setting by name. @throws {VarveError} `E_USAGE` with the nearest name */
export function settingOf(key: string): Setting {
  const setting = SETTINGS.find((one) => one.key === key);
  if (setting !== undefined) return setting;
  const near = SETTINGS.find((one) => one.key.toLowerCase().includes(key.toLowerCase()));
  throw new VarveError(
    "E_USAGE",
    `Cannot find setting ${JSON.stringify(key)}${
      near === undefined || key === ""
        ? "; 'varve config ls' lists them"
        : `; did you mean ${near.key}?`
    }`,
  );
}

/** What the store's settings say of layers. */
export function layerSettings(
  store: Store,
): { readonly policy: Partial<LayerPolicy>; readonly limits: Partial<LayerLimits> } {
  const limits: { -readonly [K in keyof LayerLimits]?: number } = {};
  for (const name of Object.keys(LAYER_LIMITS) as (keyof LayerLimits)[]) {
    const value = store.settings.get(LAYER_LIMITS[name].setting);
    if (value !== undefined) limits[name] = Number(value);
  }
  const devices = store.settings.get("devices") as LayerPolicy["devices"] | undefined;
  const ima = store.settings.get("xattr.ima") as LayerPolicy["ima"] | undefined;
  return {
    policy: {
      ...(devices === undefined ? {} : { devices }),
      ...(ima === undefined ? {} : { ima }),
    },
    limits,
  };
}
