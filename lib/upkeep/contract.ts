/**
 * The check of a store, and what it finds.
 *
 * A store says everything twice: rows of the database say what the files hold, and markers beside the files say what
 * the rows hold. Each file is named by a digest or described by one. A check compares all of that. It changes nothing.
 *
 * - The *quick* check compares rows, files, sizes, modes and markers. It reads no content.
 * - The *deep* check also reads every byte and compares its digest.
 *
 * Unfinished work of a process that died is not damage: opening the store clears it.
 */

/** The kind of thing that is damaged. */
export type FindingKind =
  /** The database: its pages, or that it is older than the files. */
  | "database"
  /** A row whose text contradicts itself, another row, or the marker of its files. */
  | "row"
  /** A row that names something that has no row: a chain without its layer, a snapshot without its parent. */
  | "dangling"
  /** The file of a compressed or plain layer, or of a part of an artifact. */
  | "blob"
  /** The file of a config, a manifest or an index. */
  | "document"
  /** The tar of a layer. */
  | "layer"
  /** The tree of a layer. */
  | "tree"
  /** A composed image of a chain, its description, or the tree beside it. */
  | "composed"
  /** A directory that a driver extracted from layers. */
  | "extracted"
  /** The directory of a snapshot. */
  | "snapshot"
  /** The marker of a directory. */
  | "marker"
  /** The index of the OCI image layout in `content/`. */
  | "index"
  /** A file or directory that no row and no rule explains. */
  | "stray"
  /** A file or directory with the wrong mode or owner. */
  | "mode";

/** What heals a finding. */
export type Remedy =
  /** A repair, from what the store itself holds. */
  | "repair"
  /** A repair that gets the missing bytes from a source: an archive, a layout or a registry. */
  | "source"
  /** A rebuild of the database from the markers. */
  | "rebuild"
  /** Nothing of this library: the user looks at it and decides. */
  | "user";

/** A place where the store is not as it should be. */
export interface Finding {
  /** The kind of thing that is damaged. */
  readonly kind: FindingKind;
  /** The thing: what it is, and its path in the store or the key of its row. */
  readonly what: string;
  /** What should be there: a digest, a size or a state. */
  readonly expected: string;
  /** What is there. */
  readonly actual: string;
  /** What needs the thing: `image NAME`, `container KEY`, `snapshot KEY`, `lease ID`. Sorted. */
  readonly affects: readonly string[];
  /** What heals it. */
  readonly healedBy: Remedy;
}
