import { type ErrorCode, VarveError } from "../errors.ts";
import type { Limit } from "../oci/mod.ts";

/** Limits of one layer, in the units of {@linkcode LAYER_LIMITS}. */
export interface LayerLimits {
  /** Entries of the archive, and nodes of the tree (parents without an entry count too). */
  readonly entries: number;
  /** Bytes of a path. */
  readonly path: number;
  /** Bytes of one name. */
  readonly component: number;
  /** Directories above a name. */
  readonly depth: number;
  /** Bytes of all names, link targets and attributes that the tree keeps. */
  readonly metadata: number;
  /** Bytes of one extended attribute's value. */
  readonly xattrValue: number;
  /** Bytes of all names and values of one inode's extended attributes. */
  readonly xattrTotal: number;
  /** Symbolic links on the way to one path. */
  readonly links: number;
  /** Path parts walked inside targets of symbolic links, for all entries together. */
  readonly linkSteps: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The default limits of a layer, with their settings. */
export const LAYER_LIMITS: { readonly [K in keyof LayerLimits]: Limit } = {
  entries: limit("entries", 5_000_000, "entries", "entries of a layer"),
  path: limit("path", 64 * KIB, "bytes", "length of a path"),
  // NAME_MAX of every Linux file system: a longer name could not be looked up.
  component: limit("component", 255, "bytes", "length of a name"),
  depth: limit("depth", 4096, "levels", "depth of directories"),
  metadata: limit("metadata", 512 * MIB, "bytes", "names and attributes of a layer"),
  xattrValue: limit("xattrValue", 64 * KIB, "bytes", "value of an extended attribute"),
  xattrTotal: limit("xattrTotal", MIB, "bytes", "extended attributes of an inode"),
  // As the kernel's MAXSYMLINKS.
  links: limit("links", 40, "links", "symbolic links on the way to a path"),
  linkSteps: limit("linkSteps", 20_000_000, "steps", "work to follow symbolic links in a layer"),
};

function limit(name: keyof LayerLimits, value: number, unit: string, about: string): Limit {
  return { setting: `limits.layer.${name}`, value, unit, about };
}

/** The limits in force: the given ones, else the defaults. */
export function layerLimits(given: Partial<LayerLimits> = {}): LayerLimits {
  const limits = {} as { -readonly [K in keyof LayerLimits]: number };
  for (const name of Object.keys(LAYER_LIMITS) as (keyof LayerLimits)[]) {
    limits[name] = given[name] ?? LAYER_LIMITS[name].value;
  }
  return limits;
}

/** The error of an exceeded limit. */
export function limitError(
  name: keyof LayerLimits,
  value: number,
  subject: string,
  code: ErrorCode = "E_LIMIT",
): VarveError {
  const { setting, unit, about } = LAYER_LIMITS[name];
  return new VarveError(
    code,
    `Cannot take entry ${subject}: the limit of ${value} ${unit} (${about}, ${setting}) is exceeded`,
    { setting, expected: value, subject },
  );
}
