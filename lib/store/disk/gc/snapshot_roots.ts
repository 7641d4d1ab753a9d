import { type ChainId, type DiffId, type Digest, isDigest } from "../../../digest/mod.ts";
import { chainId as chainIdOf } from "../../../layer/mod.ts";
import { IMAGE_MANIFEST_LABEL } from "../../image_labels.ts";
import type { Thing } from "../../garbage.ts";
import type { SnapshotScope } from "../../records.ts";
import { snapshotThing } from "../../snapshot_scope.ts";
import type { Database } from "../database/database.ts";

/** What gc needs of a snapshot's row. */
export interface SnapshotFacts {
  readonly kind: string;
  readonly parent: string | null;
  readonly cacheId: number | null;
  readonly diffId: DiffId | null;
  /** Whether it has labels. */
  readonly isLabelled: boolean;
  /** The manifest of the image that an active snapshot was made for, from its labels. */
  readonly manifest: Digest | null;
}

/** A row as it is selected: the columns that gc needs. */
export interface SnapshotColumns {
  readonly scope: string;
  readonly key: string;
  readonly kind: string;
  readonly parent: string | null;
  readonly cache_id: number | null;
  readonly diff_id: string | null;
  readonly labels: string;
}

/** The columns of {@linkcode SnapshotColumns}. */
export const COLUMNS = "scope, key, kind, parent, cache_id, diff_id, labels";

/** The largest number of snapshots below each other. A tampered table may have a cycle. */
const MAX_DEPTH = 1024;

/** Reads snapshots, and remembers them and the chains of committed ones: for one pass over a store. */
export class Snapshots {
  readonly #db: Database;
  readonly #facts = new Map<string, SnapshotFacts>();
  readonly #chains = new Map<string, ChainId | null>();

  /** Reads from a database. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** The facts of a key of a scope, or `undefined`. */
  get(scope: string, key: string): SnapshotFacts | undefined {
    const known = this.#facts.get(nameOf(scope, key));
    if (known !== undefined) return known;
    const row = this.#db.get<SnapshotColumns>(
      `SELECT ${COLUMNS} FROM snapshot WHERE scope = ? AND key = ?`,
      scope,
      key,
    );
    return row === undefined ? undefined : this.add(row);
  }

  /** Remembers a row that was read. */
  add(row: SnapshotColumns): SnapshotFacts {
    const facts = factsOf(row);
    this.#facts.set(nameOf(row.scope, row.key), facts);
    return facts;
  }

  /**
   * The chain of the topmost layers up to a committed snapshot: of those that lie directly on each other, and are
   * mounted as one image. Directories above them do not count. `null` when there are no layers.
   */
  chainOf(scope: string, key: string | null): ChainId | null {
    const path: { readonly name: string; readonly diffId: DiffId | null }[] = [];
    let chain: ChainId | null = null;
    // The chain that a layer continues: layers on a directory begin a new one.
    let below: ChainId | null = null;
    for (let at = key; at !== null && path.length < MAX_DEPTH;) {
      const name = nameOf(scope, at);
      const known = this.#chains.get(name);
      if (known !== undefined) {
        chain = known;
        below = this.get(scope, at)?.diffId == null ? null : known;
        break;
      }
      const row = this.get(scope, at);
      if (row === undefined) break;
      path.push({ name, diffId: row.diffId });
      at = row.parent;
    }
    for (const { name, diffId } of path.reverse()) {
      below = diffId === null ? null : chainIdOf(below, diffId);
      chain = below ?? chain;
      this.#chains.set(name, chain);
    }
    return chain;
  }
}

/** The thing that a row is. */
export function thingOf({ scope, key }: Pick<SnapshotColumns, "scope" | "key">): Thing {
  return snapshotThing({ scope: scope as SnapshotScope, key });
}

function nameOf(scope: string, key: string): string {
  return `${scope}\0${key}`;
}

/**
 * Why a snapshot is a root; `undefined` when it is none. containerd removes its snapshots itself. A committed snapshot of a layer without labels, whose name is
 * the chainID of its layers, was made by `ensureChain`, and can be made again.
 */
export function whyRoot(
  row: SnapshotColumns,
  snapshots: Snapshots,
): string | undefined {
  if (row.kind !== "committed") {
    snapshots.add(row);
    return row.kind === "view" ? "view" : "read-write snapshot";
  }
  const { cacheId, diffId, isLabelled } = snapshots.add(row);
  if (row.scope !== "") return "committed snapshot of containerd";
  if (cacheId !== null || diffId === null || isLabelled) return "committed snapshot";
  return snapshots.chainOf("", row.key) === row.key ? undefined : "committed snapshot";
}

function factsOf(row: SnapshotColumns): SnapshotFacts {
  const labels = row.labels;
  return {
    kind: row.kind,
    parent: row.parent,
    cacheId: row.cache_id,
    diffId: row.diff_id as DiffId | null,
    isLabelled: labels !== "[]",
    manifest: row.kind === "active" ? manifestIn(labels) : null,
  };
}

/** The label that names a manifest, in the JSON of labels: a list of pairs. */
function manifestIn(labels: string): Digest | null {
  if (!labels.includes(IMAGE_MANIFEST_LABEL)) return null;
  try {
    for (const [key, value] of JSON.parse(labels) as [unknown, unknown][]) {
      if (key === IMAGE_MANIFEST_LABEL && typeof value === "string" && isDigest(value)) {
        return value;
      }
    }
  } catch {
    // A damaged row names no manifest. A check of the store finds the damage.
  }
  return null;
}
