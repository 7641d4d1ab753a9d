import { type ErrorCode, VarveError } from "../errors.ts";
import type { Limit } from "../oci/mod.ts";

/** Limits of one layer. The units are in {@linkcode LAYER_LIMITS}. */
export interface LayerLimits {
  /** Number of entries, including parents that have no entry of their own. */
  readonly entries: number;
  /** Length of a path in bytes, also with the symbolic links of the layer resolved. */
  readonly path: number;
  /** Length of one name in bytes. */
  readonly component: number;
  /** Number of directories above a name. */
  readonly depth: number;
  /**
   * Size in bytes of all names, link targets and attributes that the tree keeps. Those of an inode
   * count again for each hard link to it; the map of a sparse file counts, too. The total size of
   * all paths has the same limit; a path in the same directory as the entry before it does not
   * count, unless it has more than 4,096 bytes with all symbolic links resolved.
   */
  readonly metadata: number;
  /**
   * Number of entries per KiB of the compressed layer. A parent that has no entry of its own counts
   * as four. Checked above `entryRatioFrom` entries, counted in the same way. All layers of one
   * call, such as a pull, share the entries that they may have beyond this ratio.
   */
  readonly entryRatio: number;
  /** Number of entries above which `entryRatio` is checked. */
  readonly entryRatioFrom: number;
  /**
   * Bytes of metadata (counted as for `metadata`) per byte of the compressed layer. Checked above
   * `metadataRatioFrom` bytes.
   */
  readonly metadataRatio: number;
  /** Bytes of metadata above which `metadataRatio` is checked. */
  readonly metadataRatioFrom: number;
  /** Size of the value of one extended attribute in bytes. */
  readonly xattrValue: number;
  /** Size of all extended attributes of one inode, names and values, in bytes. */
  readonly xattrTotal: number;
  /** Number of symbolic links that one path may lead through. */
  readonly links: number;
  /**
   * Number of path parts that are walked in the targets of
   * symbolic links, for all entries together.
   */
  readonly linkSteps: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The default limits of a layer, with their settings. */
export const LAYER_LIMITS: { readonly [K in keyof LayerLimits]: Limit } = {
  entries: limit("entries", 5_000_000, "entries", "entries of a layer"),
  path: limit("path", 64 * KIB, "bytes", "length of a path"),
  // NAME_MAX of Linux: no file system can look up a longer name.
  component: limit("component", 255, "bytes", "length of a name"),
  depth: limit("depth", 4096, "levels", "depth of directories"),
  metadata: limit("metadata", 512 * MIB, "bytes", "names and attributes of a layer"),
  // A real layer has at least 15 compressed bytes for each entry, because the names and checksums of
  // headers differ. A layer of numbered empty files has 6. Unpacking an entry takes 43 to
  // 63 µs of CPU, and 1 MiB of compressed layer must not take more than 10 s.
  entryRatio: limit("entryRatio", 120, "entries", "entries for each KiB of a compressed layer"),
  entryRatioFrom: limit(
    "entryRatioFrom",
    50_000,
    "entries",
    "entries up to which that ratio is not checked",
  ),
  metadataRatio: limit(
    "metadataRatio",
    32,
    "bytes",
    "names and attributes for each byte of a compressed layer",
  ),
  metadataRatioFrom: limit(
    "metadataRatioFrom",
    32 * MIB,
    "bytes",
    "names and attributes up to which that ratio is not checked",
  ),
  xattrValue: limit("xattrValue", 64 * KIB, "bytes", "value of an extended attribute"),
  xattrTotal: limit("xattrTotal", MIB, "bytes", "extended attributes of an inode"),
  // MAXSYMLINKS of Linux.
  links: limit("links", 40, "links", "symbolic links on the way to a path"),
  linkSteps: limit("linkSteps", 20_000_000, "steps", "work to follow symbolic links in a layer"),
};

function limit(name: keyof LayerLimits, value: number, unit: string, about: string): Limit {
  return { setting: `limits.layer.${name}`, value, unit, about };
}

/** Completes the given limits with the defaults. */
export function layerLimits(given: Partial<LayerLimits> = {}): LayerLimits {
  const limits = {} as { -readonly [K in keyof LayerLimits]: number };
  for (const name of Object.keys(LAYER_LIMITS) as (keyof LayerLimits)[]) {
    limits[name] = given[name] ?? LAYER_LIMITS[name].value;
  }
  return limits;
}

/** The error of an entry that exceeds a limit. `subject` is its path, escaped for a terminal. */
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
