/**
 * The names of files and directories in a store's root, said once for all rooms. They are part of the
 * on-disk format: a store that is there has them.
 *
 * @module
 */

/** What the root of a store holds. */
export const ROOT_FILES = {
  database: "meta.db",
  lock: "store.lock",
  content: "content",
  layers: "layers",
  chains: "chains",
  snapshots: "snapshots",
  ingest: "ingest",
  trash: "trash",
  mounts: "mounts",
} as const;

/** What the OCI image layout in `content/` holds (image-spec, image-layout.md). */
export const LAYOUT_FILES = {
  version: "oci-layout",
  index: "index.json",
  blobs: "blobs",
} as const;

/** The file in each directory with a cache id that says what the directory is. */
export const MARKER = "marker";

/** What `layers/<cache-id>/` holds, beside its marker. A driver's directory beside them has another name. */
export const LAYER_FILES = {
  /** The uncompressed tar. */
  tar: "layer.tar",
  /** The layer tree in file form. */
  tree: "tree",
  /** The compressed blob, only while the layer is staged: a commit moves it to `content/`. */
  blob: "blob",
} as const;

/** What `snapshots/<cache-id>/` holds, beside its marker. */
export const SNAPSHOT_FILES = {
  /** Its files: the upper directory of an overlay, or all of them. */
  files: "fs",
  /** The work directory of an overlay. Its presence says that the snapshot is one. */
  work: "work",
  /** An empty directory: overlayfs needs a lower where there is no layer. */
  empty: "empty",
  /** Files and directories that a container needs and its image lacks, as a lower directory. */
  init: "init",
  /** The list of those that lie among the files, where the snapshot is no overlay. */
  stubs: "stubs",
  /** What could not be set when its files were extracted, such as owners. */
  leftOut: "left-out",
} as const;

/** Directories that drivers make of layers: beside a layer's tar, or in `chains/<cache-id>/`. */
export const DRIVER_FILES = {
  /** The extracted files. */
  files: "fs",
  /** The attributes of directories, as one more lower on top of a chain's layers. */
  attributes: "attributes",
  /** The composed EROFS image and what is said of it. */
  composed: "erofs",
} as const;
