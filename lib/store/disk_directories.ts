import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import type { VarveError } from "../errors.ts";
import type { Pool } from "../pool/mod.ts";
import type { SnapshotRow, SnapshotScope } from "./records.ts";

/** Options of {@linkcode Directories.ensure}. */
export interface EnsureOptions {
  /**
   * Aborts the wait while another call makes the same directory. After an abort during `make`, the new directory is
   * removed.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Tells whether an existing directory is complete. If not, the directory is moved to `trash/` and made again.
   * Without `isWhole`, every existing directory counts as complete.
   */
  readonly isWhole?: ((directory: string) => boolean) | undefined;
}

/** The file of a layer's tree. */
export interface TreeFile {
  /** The layer. */
  readonly diffId: DiffId;
  /** Absolute path of the file. */
  readonly path: string;
  /**
   * SHA-256 of the file as it was written; `null` for a layer from an older schema, which did not record it.
   */
  readonly sum: Digest | null;
}

/** What the marker of a snapshot's directory says of the snapshot, so that its row can be made again. */
export interface SnapshotFacts {
  /** Whose snapshot it is. */
  readonly scope: SnapshotScope;
  /** Key of an active snapshot or a view, or name of a committed snapshot. */
  readonly key: string;
  /** The kind of the snapshot. */
  readonly use: SnapshotRow["kind"];
  /** Name of the committed snapshot below; `null` for none. */
  readonly parent: string | null;
  /** The layer that an active snapshot will be when it is committed; `null` for none. */
  readonly diffId: DiffId | null;
  /** Labels by key. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the snapshot was made, in microseconds since the epoch. */
  readonly createdAt: number;
  /** When the snapshot last changed, in microseconds since the epoch. */
  readonly updatedAt: number;
}

/**
 * A directory of a snapshot that has no row, and what its marker says. A marker of an older version says only the key,
 * and a damaged one nothing.
 */
export interface LostSnapshot {
  /** The name under which it is adopted: its former cache id, in `lost/` perhaps with a number behind it. */
  readonly name: string;
  /** Absolute path of the directory. */
  readonly path: string;
  /** As in {@linkcode SnapshotFacts}. */
  readonly scope?: SnapshotScope | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly key?: string | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly use?: SnapshotFacts["use"] | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly parent?: string | null | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly diffId?: DiffId | null | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly createdAt?: number | undefined;
  /** As in {@linkcode SnapshotFacts}. */
  readonly updatedAt?: number | undefined;
}

/** Options of {@linkcode Directories.removeSnapshot}. */
export interface RemoveSnapshotOptions {
  /** Whether to delete the files after the return, when they are in `trash/`. Default: false. */
  readonly later?: boolean | undefined;
}

/** The directories of a disk store. The drivers decide what is in them. */
export interface Directories {
  /** Path of `layers/<cache-id>/`. @throws {VarveError} `E_NOT_FOUND` */
  layer(diffId: DiffId): string;
  /** Path of a layer's `layer.tar`. @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` it is missing or truncated; the damage is noted */
  layerTar(diffId: DiffId): string;
  /** The file of a layer's tree. @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` it is missing or truncated; the damage is noted */
  layerTree(diffId: DiffId): TreeFile;
  /**
   * Prepares the trees of layers for {@linkcode layerTree}. A tree that another version of varve wrote in another form is
   * derived from the layer's tar again, and the layer's files are replaced, as by a load.
   *
   * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` a tree is missing or truncated, or cannot be derived again; the
   * damage is noted
   */
  prepareTrees(diffIds: readonly DiffId[], pool: Pool): Promise<void>;
  /** Notes that a layer's tree is damaged, so that the next ingest makes it again; returns the error to throw. */
  treeDamage(diffId: DiffId): VarveError;
  /** Notes that bytes of a layer's tar are wrong, so that the next ingest makes the layer again. */
  noteDamage(diffId: DiffId): void;
  /**
   * The generation of what is derived from layers, and of a chain of them: a number that is raised whenever one of the
   * layers is repaired, or something derived is found damaged. What was derived in another generation is out of date.
   *
   * @throws {VarveError} `E_NOT_FOUND`
   */
  generation(diffIds: readonly DiffId[], chainId?: ChainId): number;
  /**
   * Makes all directories of a layer or a chain out of date, so that drivers make them again. Those that exist stay, and
   * so do mounts of them. For a chain without a directory it does nothing.
   */
  outdate(owner: { readonly diffId: DiffId } | { readonly chainId: ChainId }): Promise<void>;
  /**
   * Path of the directory `name` of a layer (`layers/<cache-id>/<name>`) or of a chain
   * (`chains/<cache-id>/<name>`), made once. When it is missing, `make` fills a temporary
   * directory, which is then synced and renamed into place. A lock keeps other processes from
   * making the same directory. They wait and then use it.
   *
   * @param name lower-case letters, digits and `-`
   * @throws {VarveError} `E_NOT_FOUND` no such layer or chain · the error of `make`, after which no
   * directory is left
   */
  ensure(
    owner: { readonly diffId: DiffId } | { readonly chainId: ChainId },
    name: string,
    make: (temporary: string) => Promise<void>,
    options?: EnsureOptions,
  ): Promise<string>;
  /** Path of `chains/<cache-id>/`, which may not exist. */
  chain(cacheId: number): string;
  /**
   * Makes a new, empty `snapshots/<cache-id>/` with its marker. The caller fills it and writes its row in
   * {@linkcode finishSnapshot}, before this store closes: a directory without a row is removed when the store is
   * opened later.
   */
  createSnapshot(
    facts: SnapshotFacts,
  ): Promise<{ readonly cacheId: number; readonly path: string }>;
  /**
   * Syncs what is in a new `snapshots/<cache-id>/`, then calls `change`, which writes its row. From then on the
   * directory is never removed without its row, and if it has files, it is kept even if its row is lost.
   *
   * @returns what `change` returns
   */
  finishSnapshot<T>(cacheId: number, change: () => T): Promise<T>;
  /**
   * Replaces the marker of a snapshot, then calls `change`, which writes the row that says the same. When `change`
   * throws, the marker is written again from the row. No other process changes the snapshot meanwhile.
   *
   * @param next what the row will say; called while the snapshot is locked
   * @returns what `change` returns
   */
  changeSnapshot<T>(cacheId: number, next: () => SnapshotFacts, change: () => T): Promise<T>;
  /**
   * Lists the directories of snapshots without a row: those in `lost/`, and those in `snapshots/` whose rows a database
   * lost that is older than the files. A directory whose row an open store may still write is not lost.
   */
  lost(): Promise<LostSnapshot[]>;
  /**
   * Makes a lost directory `snapshots/<cache-id>/` again with a new marker, then calls `change`, which writes its row.
   * If there is no row in the end, the directory is lost again.
   *
   * @param name as {@linkcode LostSnapshot.name}
   * @returns what `change` returns
   * @throws {VarveError} `E_NOT_FOUND`
   */
  adopt<T>(name: string, facts: SnapshotFacts, change: (cacheId: number) => T): Promise<T>;
  /** Path of `snapshots/<cache-id>/`, which may not exist. */
  snapshot(cacheId: number): string;
  /**
   * Calls `change`, which removes the row of a snapshot; then moves `snapshots/<cache-id>/` to `trash/` and deletes it.
   * If the process dies in between, the next start removes the directory. Idempotent.
   *
   * @param change absent when there is no row
   * @returns what `change` returns
   */
  removeSnapshot<T>(
    cacheId: number,
    change?: () => T,
    options?: RemoveSnapshotOptions,
  ): Promise<T | undefined>;
  /** Waits until the directories are deleted that were to be deleted later. Closing the store waits, too. */
  removed(): Promise<void>;
  /**
   * Path of `mounts/`, on the file system of the store. Lowers that several snapshots share are mounted there. Each
   * running container and each driver probe (a test of what the kernel can mount) has a directory there.
   */
  readonly mounts: string;
  /**
   * Makes an empty directory for temporary files. It is removed when this store closes or, after a crash, when the
   * store is opened later.
   */
  scratch(): Promise<string>;
}
