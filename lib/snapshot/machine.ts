/**
 * The state machine of snapshots: pure transitions over the rows of one transaction. It has no I/O and
 * no clock: the caller gives the time, and the directory of a new row.
 */
import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { SnapshotRow, SnapshotTable } from "../store/mod.ts";
import type { Ancestor, Usage } from "./contract.ts";
import { checkKey, EXTRACT_STATE, keptLabels, quoteKey, stateLabels } from "./keys.ts";

/** The row of a snapshot that has mounts. */
export type MountableRow = SnapshotRow & { readonly kind: "active" | "view" };

/** The table of snapshots, for reading only. */
export type ReadTable = Omit<SnapshotTable, "put" | "delete">;

/** Longest chain of parents. The limit ends the walk over a tampered table whose parents form a cycle. */
export const MAX_DEPTH = 1024;

type Labels = Readonly<Record<string, string>>;

/** A new snapshot with a directory, or a view. */
export interface NewSnapshot {
  /** Its key, which must not be taken. */
  readonly key: string;
  /** Whether it is writable (`active`). It is committed only if it was before its row was lost. */
  readonly kind: SnapshotRow["kind"];
  /** Name of the committed parent; `null` for none. */
  readonly parent: string | null;
  /** Number of the directory that was made for it; `null` for a view without one. */
  readonly cacheId: number | null;
  /** Its labels; those with an empty value are left out. */
  readonly labels: Labels;
  /** Whether it is an extract snapshot. */
  readonly extract?: boolean | undefined;
  /** The time, in microseconds since the epoch. */
  readonly now: number;
}

/**
 * Checks that an active snapshot or a view can be made, without making it.
 *
 * @returns its ancestors, topmost first
 * @throws {VarveError} as {@linkcode create}; `E_DAMAGE` the parents do not form a chain
 */
export function checkCreate(
  table: ReadTable,
  key: string,
  parent: string | null,
  labels: Labels,
): Ancestor[] {
  checkKey(key);
  keptLabels(labels);
  if (parent !== null) {
    const row = table.get(parent);
    if (row === undefined) throw notFound("use parent", parent);
    if (row.kind !== "committed") {
      throw new VarveError(
        "E_USAGE",
        `Cannot use parent ${quoteKey(parent)}: it is ${nameOf(row.kind)}, not committed`,
        { subject: parent },
      );
    }
  }
  if (table.get(key) !== undefined) throw existsAlready("make snapshot", key);
  return ancestors(table, parent);
}

/**
 * Adds an active snapshot or a view, or a committed snapshot whose row was lost.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such parent · `E_USAGE` the parent is not committed, or a bad key or
 * label · `E_EXISTS` the key is taken
 */
export function create(table: SnapshotTable, snapshot: NewSnapshot): SnapshotRow {
  const { key, kind, parent, cacheId, labels, extract = false, now } = snapshot;
  checkCreate(table, key, parent, labels);
  const row: SnapshotRow = {
    scope: table.scope,
    key,
    kind,
    parent,
    cacheId,
    diffId: null,
    labels: { ...keptLabels(labels), ...(extract ? EXTRACT_STATE : {}) },
    createdAt: now,
    updatedAt: now,
    usage: null,
  };
  table.put(row);
  return row;
}

/** Input of {@linkcode commit}. */
export interface CommitRequest {
  /** Name of the committed snapshot. */
  readonly name: string;
  /** Key of the active snapshot. */
  readonly key: string;
  /** Labels of the committed snapshot. */
  readonly labels: Labels;
  /**
   * The parent that the active snapshot must have (`null`: none), or that it gets if it has none; not checked when
   * `undefined`.
   */
  readonly parent: string | null | undefined;
  /** Its disk use; measured later when absent. */
  readonly usage?: Usage | undefined;
  /** The time, in microseconds since the epoch. */
  readonly now: number;
}

/**
 * Checks that a snapshot can be committed, without committing it.
 *
 * @returns its row, with the parent that it gets
 * @throws {VarveError} as {@linkcode commit}
 */
export function checkCommit(table: ReadTable, request: CommitRequest): SnapshotRow {
  const { name, key, labels, parent } = request;
  checkKey(name);
  keptLabels(labels);
  if (table.get(name) !== undefined) throw existsAlready("commit a snapshot as", name);
  const row = table.get(key);
  if (row === undefined) throw notFound("commit snapshot", key);
  if (row.kind !== "active") {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot commit snapshot ${quoteKey(key)}: it is ${nameOf(row.kind)}, not active`,
      { subject: key },
    );
  }
  if (parent === undefined || parent === row.parent) return row;
  if (parent !== null && row.parent === null) {
    checkRebase(table, key, parent);
    return { ...row, parent };
  }
  if (parent !== row.parent) {
    throw new VarveError(
      "E_USAGE",
      `Cannot commit snapshot ${quoteKey(key)}: its parent is ${
        row.parent === null ? "none" : quoteKey(row.parent)
      }`,
      { subject: key, expected: parent ?? "none", actual: row.parent ?? "none" },
    );
  }
  return row;
}

function checkRebase(table: ReadTable, key: string, parent: string): void {
  const row = table.get(parent);
  if (row === undefined) throw notFound("use parent", parent);
  if (row.kind !== "committed") {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot commit snapshot ${quoteKey(key)}: its parent ${quoteKey(parent)} is ${
        nameOf(row.kind)
      }, not committed`,
      { subject: parent },
    );
  }
  ancestors(table, parent);
}

/**
 * Turns an active snapshot into a committed one. Its key becomes free, and its labels and times are replaced. Its usage
 * is unknown until it is measured, unless the request says it. One with a layer keeps its directory: the marker there
 * says which layer it is.
 *
 * @throws {VarveError} `E_EXISTS` the name is taken · `E_NOT_FOUND` no such key, or no such new parent ·
 * `E_PRECONDITION` it is not active, or the new parent is not committed · `E_USAGE` its parent is not the requested
 * parent, or a bad name or label
 */
export function commit(table: SnapshotTable, request: CommitRequest): SnapshotRow {
  const { name, key, labels, usage = null, now } = request;
  const row = checkCommit(table, request);
  const committed: SnapshotRow = {
    ...row,
    key: name,
    kind: "committed",
    labels: keptLabels(labels),
    createdAt: now,
    updatedAt: now,
    usage,
  };
  table.delete(key);
  table.put(committed);
  return committed;
}

/** A committed snapshot of a layer. */
export interface NewLayer {
  /** Its name: the chainID up to this layer. */
  readonly name: string;
  /** Name of the snapshot of the layer below; `null` for the lowest layer. */
  readonly parent: string | null;
  /** DiffID of the layer. */
  readonly diffId: DiffId;
  /** Number of the directory with its marker; none when absent, for a snapshot that its name describes. */
  readonly cacheId?: number | undefined;
  /** Disk use of the layer. */
  readonly usage: Usage;
  /** Its labels; none when absent. */
  readonly labels?: Labels | undefined;
  /** The time, in microseconds since the epoch. */
  readonly now: number;
}

/**
 * Adds the committed snapshot of a layer. Idempotent.
 *
 * @throws {VarveError} `E_EXISTS` another snapshot has the name
 */
export function createLayer(table: SnapshotTable, layer: NewLayer): SnapshotRow {
  const { name, parent, diffId, cacheId = null, usage, labels = {}, now } = layer;
  const present = table.get(name);
  if (present !== undefined) {
    // A user may have committed another snapshot under a chainID.
    if (present.diffId === diffId && present.parent === parent) return present;
    throw existsAlready("make snapshot", name);
  }
  const row: SnapshotRow = {
    scope: table.scope,
    key: name,
    kind: "committed",
    parent,
    cacheId,
    diffId,
    labels: keptLabels(labels),
    createdAt: now,
    updatedAt: now,
    usage,
  };
  table.put(row);
  return row;
}

/**
 * Gives an active snapshot the layer that it will be when it is committed. Its times stay as they are. Idempotent.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` it is not active, or has another layer
 */
export function applied(table: SnapshotTable, key: string, diffId: DiffId): SnapshotRow {
  const row = table.get(key);
  if (row === undefined) throw notFound("apply a layer to snapshot", key);
  const refuse = (state: string) =>
    new VarveError(
      "E_PRECONDITION",
      `Cannot apply a layer to snapshot ${quoteKey(key)}: it ${state}`,
      { subject: key },
    );
  if (row.kind !== "active") throw refuse(`is ${nameOf(row.kind)}, not active`);
  if (row.diffId !== null && row.diffId !== diffId) throw refuse(`has layer ${row.diffId} already`);
  const next: SnapshotRow = { ...row, diffId };
  table.put(next);
  return next;
}

/**
 * Checks that a snapshot can be removed, and returns its row.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` the snapshot has children
 */
export function checkRemove(table: ReadTable, key: string): SnapshotRow {
  const row = table.get(key);
  if (row === undefined) throw notFound("remove snapshot", key);
  if (table.hasChildren(key)) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot remove snapshot ${quoteKey(key)}: it has children; remove them first`,
      { subject: key },
    );
  }
  return row;
}

/** Removes a snapshot and returns its former row. @throws {VarveError} as {@linkcode checkRemove} */
export function remove(table: SnapshotTable, key: string): SnapshotRow {
  const row = checkRemove(table, key);
  table.delete(key);
  return row;
}

/**
 * Changes labels as containerd's field mask says: no path or `labels` replaces all of them,
 * `labels.<key>` changes one, and an empty value deletes a label.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` for any other path
 */
export function update(
  table: SnapshotTable,
  key: string,
  labels: Labels,
  fieldpaths: readonly string[],
  now: number,
): SnapshotRow {
  const row = table.get(key);
  if (row === undefined) throw notFound("update snapshot", key);
  let next = new Map(Object.entries(fieldpaths.length === 0 ? labels : row.labels));
  for (const path of fieldpaths) {
    if (path === "labels") {
      next = new Map(Object.entries(labels));
    } else if (path.startsWith("labels.") && path.length > 7) {
      const label = path.slice(7);
      next.set(label, Object.hasOwn(labels, label) ? labels[label] as string : "");
    } else {
      throw new VarveError(
        "E_USAGE",
        `Cannot update snapshot ${quoteKey(key)}: the field ${quoteKey(path)} cannot be changed`,
        { subject: key },
      );
    }
  }
  const kept = { ...keptLabels(Object.fromEntries(next)), ...stateLabels(row.labels) };
  const updated: SnapshotRow = { ...row, labels: kept, updatedAt: now };
  table.put(updated);
  return updated;
}

/** Returns the row of a snapshot. @throws {VarveError} `E_NOT_FOUND` */
export function stat(table: ReadTable, key: string): SnapshotRow {
  const row = table.get(key);
  if (row === undefined) throw notFound("find snapshot", key);
  return row;
}

/** Returns the row of a snapshot that has mounts. @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` it is committed */
export function mountable(table: ReadTable, key: string): MountableRow {
  const row = stat(table, key);
  const { kind } = row;
  if (kind !== "committed") return { ...row, kind };
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot mount snapshot ${quoteKey(key)}: it is committed; make a view of it`,
    { subject: key },
  );
}

/**
 * Lists a committed snapshot and its ancestors, topmost first.
 *
 * @throws {VarveError} `E_DAMAGE` the parents form a cycle, or a parent is missing or not committed
 */
export function ancestors(table: ReadTable, top: string | null): Ancestor[] {
  const out: Ancestor[] = [];
  for (let name = top; name !== null;) {
    const row: SnapshotRow | undefined = table.get(name);
    if (row === undefined || row.kind !== "committed") {
      throw damaged(top, `${quoteKey(name)} is not committed`);
    }
    if (out.length >= MAX_DEPTH) throw damaged(top, `there are more than ${MAX_DEPTH}`);
    if (row.diffId !== null) out.push({ kind: "layer", diffId: row.diffId });
    else if (row.cacheId !== null) out.push({ kind: "directory", cacheId: row.cacheId });
    else throw damaged(top, `${quoteKey(name)} has neither layer nor directory`);
    name = row.parent;
  }
  return out;
}

function nameOf(kind: SnapshotRow["kind"]): string {
  return kind === "view" ? "a view" : kind;
}

function damaged(key: string | null, state: string): VarveError {
  const subject = key ?? "";
  return new VarveError(
    "E_DAMAGE",
    `Cannot follow the parents of snapshot ${quoteKey(subject)}: ${state}`,
    { subject },
  );
}

/** The error for a key that does not exist. */
export function notFound(verb: string, key: string): VarveError {
  return new VarveError(
    "E_NOT_FOUND",
    `Cannot ${verb} ${quoteKey(key)}: there is no such snapshot`,
    { subject: key },
  );
}

/** The error for a key or a name that is taken. */
export function existsAlready(verb: string, key: string): VarveError {
  return new VarveError("E_EXISTS", `Cannot ${verb} ${quoteKey(key)}: it exists already`, {
    subject: key,
  });
}
