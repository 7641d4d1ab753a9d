import type { SnapshotRow, SnapshotScope } from "../records.ts";
import { checkName } from "../rules.ts";
import {
  RELEASED_LABEL,
  SNAPSHOT_REF_LABEL,
  type Snapshots,
  type SnapshotTable,
} from "../snapshot_table.ts";
import { compareText, type MemoryState } from "./state.ts";

type Rows = Map<string, SnapshotRow>;

/**
 * The snapshot rows of a memory store, of one scope. A transaction changes a copy of the map. At its end the copy
 * replaces the map.
 */
export class MemorySnapshots implements Snapshots {
  readonly scope: SnapshotScope;
  readonly #state: MemoryState;
  readonly #transaction: { isRunning: boolean };

  /** Reads and changes the store's state. */
  constructor(
    state: MemoryState,
    scope: SnapshotScope = "",
    transaction: { isRunning: boolean } = { isRunning: false },
  ) {
    this.#state = state;
    this.scope = scope;
    this.#transaction = transaction;
  }

  transact<T>(fn: (table: SnapshotTable) => T): T {
    if (this.#transaction.isRunning) {
      throw new TypeError("Cannot begin a transaction inside another");
    }
    const rows = new Map(this.#state.snapshots);
    this.#transaction.isRunning = true;
    try {
      const result = fn(tableOf(rows, this.scope));
      if (result instanceof Promise) {
        throw new TypeError("Cannot commit a transaction: its function is asynchronous");
      }
      this.#state.snapshots = rows;
      return result;
    } finally {
      this.#transaction.isRunning = false;
    }
  }

  read<T>(fn: (table: Omit<SnapshotTable, "put" | "delete">) => T): T {
    return fn(tableOf(this.#state.snapshots, this.scope));
  }

  in(scope: SnapshotScope): Snapshots {
    if (scope === this.scope) return this;
    return new MemorySnapshots(this.#state, scope, this.#transaction);
  }

  all(): SnapshotRow[] {
    return [...this.#state.snapshots.values()].sort((a, b) =>
      compareText(a.scope, b.scope) || compareText(a.key, b.key)
    );
  }
}

function tableOf(rows: Rows, scope: SnapshotScope): SnapshotTable {
  // A key has no NUL.
  const at = (key: string) => `${scope}\0${key}`;
  const some = (passes: (row: SnapshotRow) => boolean): SnapshotRow[] =>
    [...rows.values()].filter((row) => row.scope === scope && passes(row))
      .sort((a, b) => compareText(a.key, b.key));
  const isUsed = ({ kind, labels }: SnapshotRow) =>
    kind !== "committed" && labels[RELEASED_LABEL] === undefined;
  return {
    scope,
    get: (key) => rows.get(at(key)),
    list: () => some(() => true),
    hasChildren: (name) => some(({ parent }) => parent === name).length > 0,
    children: (name) => some(({ parent }) => parent === name),
    byCacheId: (cacheId) => some((row) => row.cacheId === cacheId)[0],
    byRef: (ref) => some(({ labels }) => labels[SNAPSHOT_REF_LABEL] === ref),
    byLabel: (key, value) =>
      some(({ labels }) => Object.hasOwn(labels, key) && (value ?? labels[key]) === labels[key]),
    byKind: (kind) => some((row) => row.kind === kind),
    usedParents: () => {
      return [...new Set(some(isUsed).map(({ parent }) => parent))];
    },
    countUsed: (parent, limit) =>
      Math.min(limit, some((row) => row.parent === parent && isUsed(row)).length),
    countKinds: () => {
      const counts = { active: 0, view: 0, committed: 0 };
      for (const { kind } of some(() => true)) counts[kind]++;
      return counts;
    },
    put: (row) => {
      checkName("snapshot key", row.key);
      rows.set(at(row.key), { ...structuredClone(row), scope });
    },
    delete: (key) => void rows.delete(at(key)),
  };
}
