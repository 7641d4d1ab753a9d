/**
 * What documents name, as rows of the table `part`: a manifest names a config and blobs, an index names manifests, a
 * config names layers and the chains of them. The rows answer the question that files cannot: what names a digest.
 * Without them, a collection after the removal of one image would read the documents of all images.
 *
 * The rows are never outdated: they say what bytes name, and the digest of a document stands for its bytes. They are
 * written in the transaction that gives the document its row, or later, from bytes that have just been proved. What is
 * not known is visible: `blob.parts` is NULL until all parts of a blob are noted, then it is their number. Triggers
 * refuse to add, change or remove a part of a blob that counts as noted, and to note a wrong number. A reader that
 * finds a blob without noted parts, or another number of rows than the blobs say, must read the documents instead.
 */
import { chainIds } from "../../../layer/mod.ts";
import { parseDocument, parseImageConfig } from "../../../oci/mod.ts";
import { attempt } from "../../attempt.ts";
import type { StagedBlob } from "../../staging/staged.ts";
import type { Disk } from "../context.ts";
import type { Database } from "../database/database.ts";
import { type BlobRow, toBlob } from "../database/records.ts";
import { isDocument, LIMITS, readProved } from "../gc/documents.ts";

/** What a part is for the document that names it. */
export type PartRole = "blob" | "layer" | "chain";

/** Something that a document names. */
export interface Part {
  readonly role: PartRole;
  /** Digest of a blob, a diffID or a chainID. */
  readonly digest: string;
}

/** A text that only equal parts share. */
export function partKey({ role, digest }: Part): string {
  return `${role} ${digest}`;
}

/** What the functions here need of a store. */
export type PartStore = Pick<Disk, "db" | "paths">;

/** Number of blobs whose parts are noted in one transaction. */
const BATCH = 2048;

/**
 * Reads what a blob names, and proves its bytes.
 *
 * @returns none for a blob that is no document; `undefined` when nobody knows: it is damaged, or a document that cannot
 * be read
 */
export function readParts(
  { db, paths }: PartStore,
  { digest, size, mediaType }: StagedBlob,
): readonly Part[] | undefined {
  // A layer that was proved is a tar, or a compressed one: it is no JSON.
  if (db.get("SELECT 1 FROM layer_blob WHERE digest = ?", digest) !== undefined) return [];
  const bytes = readProved(paths, { digest, size });
  if (bytes === "unreadable") return undefined;
  if (!mayBeObject(bytes)) return isDocument(mediaType) ? undefined : [];
  return partsIn(bytes, mediaType);
}

/** Whether bytes can be a JSON object: all documents and configs are. */
export function mayBeObject(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => !JSON_SPACE.has(byte));
  return first === "{".charCodeAt(0);
}

const JSON_SPACE: ReadonlySet<number> = new Set([..." \t\n\r"].map((char) => char.charCodeAt(0)));

/** Bytes that can be read both as a document and as a config name the parts of both. */
function partsIn(bytes: Uint8Array, mediaType: string): readonly Part[] | undefined {
  const document = attempt(() => parseDocument(bytes, { limits: LIMITS }));
  if (document === undefined && isDocument(mediaType)) return undefined;
  const blobs = document === undefined
    ? []
    : document.kind === "index"
    ? document.manifests
    : [document.config, ...document.layers];
  const diffIds = attempt(() => parseImageConfig(bytes, { limits: LIMITS }).diffIds) ?? [];
  return [
    ...blobs.map(({ digest }): Part => ({ role: "blob", digest })),
    ...diffIds.map((digest): Part => ({ role: "layer", digest })),
    ...chainIds(diffIds).map((digest): Part => ({ role: "chain", digest })),
  ];
}

/** Notes the parts of a blob that has a row, inside a transaction. Does nothing if they are noted. */
export function writeParts(db: Database, document: string, parts: readonly Part[]): void {
  const sql = "SELECT 1 FROM blob WHERE digest = ? AND parts IS NULL";
  if (db.get(sql, document) === undefined) return;
  const distinct = new Map(parts.map((part) => [partKey(part), part]));
  for (const { role, digest } of distinct.values()) {
    db.run("INSERT INTO part VALUES (?, ?, ?)", digest, role, document);
  }
  db.run("UPDATE blob SET parts = ? WHERE digest = ?", distinct.size, document);
}

/**
 * Notes the parts of all blobs that lack them: blobs of an older schema, and those that a repair or a rebuild gave a
 * row. Inside a transaction, or in transactions of its own.
 *
 * @returns whether the parts of all blobs are noted now
 */
export function noteMissingParts(
  store: PartStore,
  transact: (fn: () => void) => void = (fn) => store.db.transact(fn),
): boolean {
  const rows = store.db.all<BlobRow>("SELECT * FROM blob WHERE parts IS NULL");
  let isAll = true;
  for (let at = 0; at < rows.length; at += BATCH) {
    const read = rows.slice(at, at + BATCH).map((row) => ({
      row,
      parts: readParts(store, toBlob(row)),
    }));
    transact(() => {
      for (const { row, parts } of read) {
        if (parts === undefined) isAll = false;
        else writeParts(store.db, row.digest, parts);
      }
    });
  }
  return isAll;
}

/** Whether the parts of all blobs are noted. */
export function arePartsNoted(db: Database): boolean {
  return db.get("SELECT 1 FROM blob WHERE parts IS NULL LIMIT 1") === undefined;
}

/**
 * Whether the parts of all blobs are noted, and as many rows are there as the blobs say. It counts all rows: 40,000 take
 * 5 ms.
 */
export function arePartsWhole(db: Database): boolean {
  if (!arePartsNoted(db)) return false;
  const sql =
    "SELECT (SELECT count(*) FROM part) = (SELECT ifnull(sum(parts), 0) FROM blob) AS yes";
  return db.get<{ yes: number }>(sql)?.yes === 1;
}

/** Whether a document other than some names a digest. */
export function isNamed(
  db: Database,
  role: PartRole,
  digest: string,
  except: (document: string) => boolean,
  count: number,
): boolean {
  const sql = "SELECT document FROM part WHERE digest = ? AND role = ? LIMIT ?";
  const documents = db.all<{ document: string }>(sql, digest, role, count + 1);
  return documents.some(({ document }) => !except(document));
}
