import { inTurns } from "../../../pool/internal.ts";
import type { DiskStore } from "../../disk_store.ts";
import { type BlobRow, toBlob } from "../database/records.ts";
import { type Part, partKey, readParts } from "../parts/parts.ts";
import { diskOf } from "../store.ts";

/**
 * The documents whose noted parts are not what they name. Documents that are damaged are left out: a check finds them by
 * their digest.
 *
 * @param isAsked whether a document is to be checked
 */
export async function wrongParts(
  store: DiskStore,
  isAsked: (document: string) => boolean,
  signal?: AbortSignal,
): Promise<string[]> {
  const wrong: string[] = [];
  await inTurns(compare(store, isAsked, wrong), signal);
  const { db } = diskOf(store);
  const sql = "SELECT DISTINCT document FROM part WHERE document NOT IN (SELECT digest FROM blob)";
  const lost = db.all<{ document: string }>(sql).map(({ document }) => document);
  return [...wrong, ...lost.filter(isAsked)];
}

function* compare(
  store: DiskStore,
  isAsked: (document: string) => boolean,
  wrong: string[],
): Generator<void> {
  const disk = diskOf(store);
  const rows = disk.db.all<BlobRow>("SELECT * FROM blob WHERE parts IS NOT NULL ORDER BY digest");
  for (const row of rows) {
    if (!isAsked(row.digest)) continue;
    const named = readParts(disk, toBlob(row));
    if (named === undefined) continue;
    const sql = "SELECT role, digest FROM part WHERE document = ?";
    const noted = new Set(disk.db.all<Part>(sql, row.digest).map(partKey));
    const right = new Set(named.map(partKey));
    if (noted.size !== right.size || !right.isSubsetOf(noted)) wrong.push(row.digest);
    yield;
  }
}
