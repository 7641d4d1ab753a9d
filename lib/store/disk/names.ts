/**
 * The names of files and directories in a store's root, in one place for all rooms. They are part
 * of the on-disk format, because existing stores have them.
 *
 * @module
 */

/** The names in the root of a store. */
export const ROOT_FILES = {
  database: "meta.db",
  lock: "store.lock",
  serving: "serve.lock",
  reserve: "reserve",
  content: "content",
  layers: "layers",
  chains: "chains",
  snapshots: "snapshots",
  ingest: "ingest",
  trash: "trash",
  lost: "lost",
  mounts: "mounts",
} as const;

/** The names in the OCI image layout in `content/` (image-spec, image-layout.md). */
export const LAYOUT_FILES = {
  version: "oci-layout",
  index: "index.json",
  blobs: "blobs",
} as const;

/** The file in each directory with a cache id that says what the directory is. */
export const MARKER = "marker";

/**
 * The file in `layers/<cache-id>/` and `chains/<cache-id>/` that says how often what was derived there became out of
 * date. Most directories have none.
 */
export const GENERATION = "generation";

/**
 * The names in `layers/<cache-id>/`, beside its marker. A driver's directory there must not have one
 * of these names.
 */
export const LAYER_FILES = {
  /** The uncompressed tar. */
  tar: "layer.tar",
  /** The layer tree in file form. */
  tree: "tree",
  /** The compressed blob, only while the layer is staged: a commit moves it to `content/`. */
  blob: "blob",
} as const;

/** The names in `snapshots/<cache-id>/`, beside its marker. */
export const SNAPSHOT_FILES = {
  /** The files of the snapshot: the upper directory of an overlay, or all files. */
  files: "fs",
  /** The work directory of an overlay. If it exists, the snapshot is an overlay. */
  work: "work",
  /** An empty directory: the lower that overlayfs needs when there is no layer. */
  empty: "empty",
  /** Files and directories that a container needs and its image lacks, as a lower directory. */
  init: "init",
  /**
   * The list of the stubs (empty files and directories made for a container) among the files, for a
   * snapshot that is not an overlay.
   */
  stubs: "stubs",
  /** The list of things that could not be set when the files were extracted, such as owners. */
  leftOut: "left-out",
} as const;

/**
 * Label of a snapshot whose mounts nobody uses. The marker of the snapshot leaves it out: the label
 * comes and goes with each mount, and a snapshot without it is only unmounted later.
 */
export const RELEASED_LABEL = "varve.released";

/** Directories that drivers make from layers: beside a layer's tar, or in `chains/<cache-id>/`. */
export const DRIVER_FILES = {
  /** The extracted files. */
  files: "fs",
  /** The attributes of directories, as one more lower on top of a chain's layers. */
  attributes: "attributes",
  /** The composed EROFS image, with a file that describes it. */
  composed: "erofs",
} as const;

/** Number of hexadecimal digits in the name that {@linkcode aboveName} gives. */
const ABOVE_DIGITS = 16;

/**
 * The name of what is derived from layers that lie on the directory of a snapshot: it depends on what is below, too.
 *
 * @param base `erofs` or `attributes`
 * @param below SHA-256 of what is below, in hexadecimal digits
 */
export function aboveName(base: "erofs" | "attributes", below: string): string {
  return `${base}-above-${below.slice(0, ABOVE_DIGITS)}`;
}

/** Whether a name that {@linkcode parseDerivedName} reads is that of a composed image. */
export function isComposedName(base: string): boolean {
  return base.startsWith(DRIVER_FILES.composed);
}

/**
 * The name of a directory that is extracted, in a generation: `fs`, and `fs-1` after its layer was repaired once.
 *
 * @param base `fs`, `attributes`, or `fs-` and a setting for devices
 */
export function derivedName(base: string, generation: number): string {
  return generation === 0 ? base : `${base}-${generation}`;
}

const DERIVED =
  /^(fs(?:-[a-z]+)?|(?:attributes|erofs)(?:-above-[0-9a-f]{16})?)(?:-([1-9][0-9]*))?$/;

/**
 * Reads the name of a directory that a driver made; `undefined` for another name. The generation of a composed image is
 * not in its name, but in its description.
 */
export function parseDerivedName(
  name: string,
): { readonly base: string; readonly generation: number } | undefined {
  const found = DERIVED.exec(name);
  if (found === null) return undefined;
  const base = found[1] as string;
  if (isComposedName(base) && found[2] !== undefined) return undefined;
  return { base, generation: Number(found[2] ?? 0) };
}
