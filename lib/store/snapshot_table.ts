import type { SnapshotRow, SnapshotScope } from "./records.ts";

export { RELEASED_LABEL } from "./disk/names.ts";

/** The snapshot rows of one scope. A store only keeps them; the snapshotter defines their meaning and rules. */
export interface Snapshots {
  /** The scope of the rows. */
  readonly scope: SnapshotScope;
  /**
   * Runs `fn` in one short exclusive transaction. If `fn` throws, none of its changes is made. `fn` is synchronous
   * and does no I/O.
   */
  transact<T>(fn: (table: SnapshotTable) => T): T;
  /** Runs `fn` on one consistent state of the rows. `fn` is synchronous. */
  read<T>(fn: (table: Omit<SnapshotTable, "put" | "delete">) => T): T;
  /** The rows of a scope. */
  in(scope: SnapshotScope): Snapshots;
  /** The rows of all scopes, sorted by scope and key. */
  all(): SnapshotRow[];
}

/** The snapshot rows of one scope, inside one transaction. */
export interface SnapshotTable {
  /** The scope of the rows. */
  readonly scope: SnapshotScope;
  /** The row of a key, or `undefined`. */
  get(key: string): SnapshotRow | undefined;
  /** All rows, sorted by key. */
  list(): SnapshotRow[];
  /** Whether any row has this parent. */
  hasChildren(name: string): boolean;
  /** The rows with a parent (`null`: without one), sorted by key. */
  children(parent: string | null): SnapshotRow[];
  /** The row of the directory `snapshots/<cache-id>/`, or `undefined`. */
  byCacheId(cacheId: number): SnapshotRow | undefined;
  /** The rows whose label `containerd.io/snapshot.ref` has a value, sorted by key. */
  byRef(ref: string): SnapshotRow[];
  /** The rows that have a label, sorted by key: with this value, or with any when `value` is absent. */
  byLabel(key: string, value?: string): SnapshotRow[];
  /** The rows of a kind, sorted by key. */
  byKind(kind: SnapshotRow["kind"]): SnapshotRow[];
  /**
   * The parents of the active snapshots and views whose mounts may be in use, that is, which have no label
   * `varve.released`. Each parent is listed once.
   */
  usedParents(): (string | null)[];
  /** Counts the snapshots on a parent whose mounts may be in use, up to `limit`. */
  countUsed(parent: string | null, limit: number): number;
  /** The number of rows of each kind. */
  countKinds(): Readonly<Record<SnapshotRow["kind"], number>>;
  /** Adds a row to the scope, or replaces the row with the same key. */
  put(row: Omit<SnapshotRow, "scope">): void;
  /** Removes the row of a key, if there is one. */
  delete(key: string): void;
}

/** Label by which containerd looks for the snapshot of a chain that it did not unpack itself. */
export const SNAPSHOT_REF_LABEL = "containerd.io/snapshot.ref";
