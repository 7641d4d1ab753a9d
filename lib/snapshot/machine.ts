/**
 * The snapshot state machine: pure transitions over the table of one
 * transaction. No I/O, no clock: the caller says what time it is and which
 * directory belongs to a new row.
 */
import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { SnapshotRow, SnapshotTable } from "../store/mod.ts";
import type { Ancestor, Usage } from "./contract.ts";
import { checkKey, keptLabels, quoteKey } from "./keys.ts";

/** The reading half of a table. */
export type ReadTable = Omit<SnapshotTable, "put" | "delete">;

/** No chain of snapshots is longer: a tampered table must not make the walk endless. */
export const MAX_DEPTH = 1024;

type Labels = Readonly<Record<string, string>>;

/** A new active snapshot or view. */
export interface NewSnapshot {
  /** Its key. */
  readonly key: string;
  /** Kind. */
  readonly kind: "active" | "view";
  /** A committed snapshot, or none. */
  readonly parent: string | null;
  /** The directory that was made for it. */
  readonly cacheId: number | null;
  /** Labels. */
  readonly labels: Labels;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * Checks that an active snapshot or a view can be made, without making it.
 *
 * @returns its ancestors, the topmost first
 * @throws {VarveError} see {@linkcode create}; `E_DAMAGE` when the parents are no chain
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
  if (table.get(key) !== undefined) throw exists("make snapshot", key);
  return ancestors(table, parent);
}

/**
 * Adds an active snapshot or a view.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such parent · `E_USAGE` the parent is not committed, or a bad key or
 * label · `E_EXISTS` the key is taken
 */
export function create(table: SnapshotTable, snapshot: NewSnapshot): SnapshotRow {
  const { key, kind, parent, cacheId, labels, now } = snapshot;
  checkCreate(table, key, parent, labels);
  const row: SnapshotRow = {
    key,
    kind,
    parent,
    cacheId,
    diffId: null,
    labels: keptLabels(labels),
    createdAt: now,
    updatedAt: now,
    usage: null,
  };
  table.put(row);
  return row;
}

/** What a commit needs. */
export interface CommitRequest {
  /** Name of the committed snapshot. */
  readonly name: string;
  /** Key of the active one. */
  readonly key: string;
  /** Labels of the committed snapshot. */
  readonly labels: Labels;
  /** What the parent must be, when it is not `undefined`. */
  readonly parent: string | null | undefined;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * Checks that a snapshot can be committed, without doing it; gives its row.
 *
 * @throws {VarveError} see {@linkcode commit}
 */
export function checkCommit(table: ReadTable, request: CommitRequest): SnapshotRow {
  const { name, key, labels, parent } = request;
  checkKey(name);
  keptLabels(labels);
  if (table.get(name) !== undefined) throw exists("commit a snapshot as", name);
  const row = table.get(key);
  if (row === undefined) throw notFound("commit snapshot", key);
  if (row.kind !== "active") {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot commit snapshot ${quoteKey(key)}: it is ${nameOf(row.kind)}, not active`,
      { subject: key },
    );
  }
  if (parent !== undefined && parent !== row.parent) {
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

/**
 * Active → committed. The key is gone, labels are replaced, times start anew,
 * and usage is unknown until it is measured.
 *
 * @throws {VarveError} `E_EXISTS` the name is taken · `E_NOT_FOUND` no such key · `E_PRECONDITION` it is not
 * active · `E_USAGE` another parent, or a bad name or label
 */
export function commit(table: SnapshotTable, request: CommitRequest): SnapshotRow {
  const { name, key, labels, now } = request;
  const committed: SnapshotRow = {
    ...checkCommit(table, request),
    key: name,
    kind: "committed",
    labels: keptLabels(labels),
    createdAt: now,
    updatedAt: now,
    usage: null,
  };
  table.delete(key);
  table.put(committed);
  return committed;
}

/** A committed snapshot of a layer. */
export interface NewLayer {
  /** Its name, the chainID. */
  readonly name: string;
  /** Name of the layer below. */
  readonly parent: string | null;
  /** The layer. */
  readonly diffId: DiffId;
  /** What it takes. */
  readonly usage: Usage;
  /** ms since the epoch. */
  readonly now: number;
}

/** Notes a committed snapshot of a layer; what is there already stays. @throws {VarveError} `E_EXISTS` when something else has the name */
export function createLayer(table: SnapshotTable, layer: NewLayer): SnapshotRow {
  const { name, parent, diffId, usage, now } = layer;
  const present = table.get(name);
  if (present !== undefined) {
    // One that somebody committed under a chainID is not what the name says.
    if (present.diffId === diffId && present.parent === parent) return present;
    throw exists("make snapshot", name);
  }
  const row: SnapshotRow = {
    key: name,
    kind: "committed",
    parent,
    cacheId: null,
    diffId,
    labels: {},
    createdAt: now,
    updatedAt: now,
    usage,
  };
  table.put(row);
  return row;
}

/** Removes a snapshot and gives what its row was. @throws {VarveError} `E_NOT_FOUND`, `E_PRECONDITION` when it has children */
export function remove(table: SnapshotTable, key: string): SnapshotRow {
  const row = table.get(key);
  if (row === undefined) throw notFound("remove snapshot", key);
  if (table.hasChildren(key)) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot remove snapshot ${quoteKey(key)}: it has children; remove them first`,
      { subject: key },
    );
  }
  table.delete(key);
  return row;
}

/**
 * Changes labels as containerd's field mask says: no path or `labels` replaces
 * all, `labels.<key>` changes one, an empty value deletes.
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
  const kept = keptLabels(Object.fromEntries(next));
  const updated: SnapshotRow = { ...row, labels: kept, updatedAt: now };
  table.put(updated);
  return updated;
}

/** One row. @throws {VarveError} `E_NOT_FOUND` */
export function stat(table: ReadTable, key: string): SnapshotRow {
  const row = table.get(key);
  if (row === undefined) throw notFound("find snapshot", key);
  return row;
}

/**
 * A committed snapshot and its committed ancestors, the topmost first.
 *
 * @throws {VarveError} `E_DAMAGE` on a cycle, a missing parent or one that is not committed
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

function notFound(verb: string, key: string): VarveError {
  return new VarveError(
    "E_NOT_FOUND",
    `Cannot ${verb} ${quoteKey(key)}: there is no such snapshot`,
    { subject: key },
  );
}

function exists(verb: string, key: string): VarveError {
  return new VarveError("E_EXISTS", `Cannot ${verb} ${quoteKey(key)}: it exists already`, {
    subject: key,
  });
}
