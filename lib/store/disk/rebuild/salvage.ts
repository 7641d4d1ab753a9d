import type { Database } from "../database/database.ts";
import { Database as Connection } from "../database/database.ts";
import type { ChainRow, ImageRow, LeaseRow, SnapshotTableRow } from "../database/records.ts";

/** What could be read of a damaged or old database. The files decide; this only adds what no file says. */
export interface Salvage {
  readonly settings: readonly { readonly key: string; readonly value: string }[];
  readonly leases: readonly LeaseRow[];
  readonly images: readonly (ImageRow & { readonly digest: string })[];
  readonly snapshots: readonly SnapshotTableRow[];
  readonly chains: readonly ChainRow[];
  readonly blobs: readonly { readonly digest: string; readonly media_type: string }[];
  readonly state: Readonly<Record<string, number>>;
}

/** Reads what can be read of a database. Each table by itself, because damage in one need not touch another. */
export function salvage(path: string): Salvage {
  let db: Database | undefined;
  try {
    db = new Connection(path, { readOnly: true });
  } catch {
    db = undefined;
  }
  const all = <T>(sql: string): T[] => {
    try {
      return db?.all<T>(sql) ?? [];
    } catch {
      return [];
    }
  };
  try {
    const state = all<{ key: string; value: number }>("SELECT key, value FROM state");
    return {
      settings: all("SELECT key, value FROM setting"),
      leases: all("SELECT * FROM lease"),
      images: all("SELECT * FROM image"),
      snapshots: all<SnapshotTableRow>("SELECT * FROM snapshot").map(upToDate),
      chains: all("SELECT * FROM chain"),
      blobs: all("SELECT digest, media_type FROM blob"),
      state: Object.fromEntries(state.map(({ key, value }) => [key, value])),
    };
  } finally {
    db?.[Symbol.dispose]();
  }
}

/** A row of a database of any schema. Before there were scopes, times were in milliseconds. */
function upToDate(row: SnapshotTableRow): SnapshotTableRow {
  if ((row as { readonly scope?: string }).scope !== undefined) return row;
  const { created_at, updated_at } = row;
  return { ...row, scope: "", created_at: created_at * 1000, updated_at: updated_at * 1000 };
}
