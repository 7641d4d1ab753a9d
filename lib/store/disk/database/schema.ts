import { VarveError } from "../../../errors.ts";
import type { Database } from "./database.ts";

/**
 * `PRAGMA application_id`, the bytes "vrve". It marks a database as varve's, so it never changes.
 */
export const APPLICATION_ID = 0x76727665;

/**
 * The condition for the few names that may read as a digest or an image ID. A change makes the index useless that has
 * it, too.
 */
export const DIGEST_LIKE: string =
  "name GLOB '*sha[0-9]*:*' OR name GLOB '*blake3*' OR name GLOB " +
  `'docker.io/library/${"[0-9a-f]".repeat(64)}*'`;

/**
 * The steps of migration. Each step migrates a database from one schema version to the next. A
 * published step never changes.
 *
 * The table `state` holds numbers that the store keeps about itself. `next_cache_id`: the next
 * cache id. `seq`: the number of the last commit. `barrier`: the last commit that is known to be on
 * the disk. `unsynced`: 1 when a commit after the barrier was made without syncs. `images`: how
 * often the image names changed. `older`: 1 when the database was found to be older than the files
 * (absent before). `due`: how many removals of an image, a container or a lease may have
 * left garbage (see `gc/reached.ts`). `synced`: 1 when the directories of the store were synced. `index.json` contains the value of `images` from when it was
 * written, which shows whether the file is old.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `INSERT INTO state VALUES
       ('next_cache_id', 1), ('seq', 0), ('barrier', 0), ('unsynced', 0), ('images', 0)`,
    `CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE blob (
       digest TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL,
       verified_at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX blob_seq ON blob (seq)`,
    `CREATE TABLE layer (
       diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL, cache_id INTEGER NOT NULL UNIQUE,
       tree_digest TEXT NOT NULL, tree_size INTEGER NOT NULL, entries INTEGER NOT NULL,
       dirty_padding INTEGER NOT NULL, verified_at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX layer_seq ON layer (seq)`,
    `CREATE TABLE layer_blob (digest TEXT PRIMARY KEY, diff_id TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX layer_blob_layer ON layer_blob (diff_id)`,
    `CREATE TABLE chain (
       chain_id TEXT PRIMARY KEY, diff_id TEXT NOT NULL, parent_chain_id TEXT,
       cache_id INTEGER) STRICT, WITHOUT ROWID`,
    `CREATE TABLE image (
       name TEXT PRIMARY KEY, digest TEXT NOT NULL, target TEXT NOT NULL,
       created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE snapshot (
       key TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('active', 'view', 'committed')),
       parent TEXT, cache_id INTEGER, diff_id TEXT, labels TEXT NOT NULL,
       created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
       usage_size INTEGER, usage_inodes INTEGER) STRICT, WITHOUT ROWID`,
    `CREATE INDEX snapshot_parent ON snapshot (parent)`,
    `CREATE INDEX snapshot_cache ON snapshot (cache_id)`,
    `CREATE TABLE lease (
       id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, expires_at INTEGER,
       labels TEXT NOT NULL, resources TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  ],
  // SHA-256 of the tree's file; NULL for layers from before this step.
  [`ALTER TABLE layer ADD COLUMN tree_sum TEXT`],
  // 1 for a spare name (see ImageRecord.spare). Names from before this step count as names of a
  // user.
  [`ALTER TABLE image ADD COLUMN spare INTEGER NOT NULL DEFAULT 0`],
  // Verified diffIDs of a layer in other algorithms than SHA-256. A config may name the layer by
  // such a diffID. Before this step, the first diffID of a layer became the key of `layer`, whatever
  // its algorithm.
  [
    `CREATE TABLE layer_name (name TEXT PRIMARY KEY, diff_id TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX layer_name_layer ON layer_name (diff_id)`,
  ],
  // JSON of the platform that a name was given for (see ImageRecord.platform). NULL for names from
  // before this step.
  [`ALTER TABLE image ADD COLUMN platform TEXT`],
  // While a process collects garbage (`collecting` is 1), `root_change` notes which image names, snapshots and
  // leases were added or changed since it began. The indexes let it ask what needs a layer or a chain.
  [
    `CREATE TABLE IF NOT EXISTS root_change (
       kind TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID`,
    `INSERT OR IGNORE INTO state VALUES ('collecting', 0)`,
    `CREATE INDEX IF NOT EXISTS chain_layer ON chain (diff_id)`,
    `CREATE INDEX IF NOT EXISTS chain_parent ON chain (parent_chain_id)`,
    `CREATE INDEX IF NOT EXISTS snapshot_layer ON snapshot (diff_id)`,
    ...rootTriggers("image", "name"),
    ...rootTriggers("snapshot", "key"),
    ...rootTriggers("lease", "id"),
  ],
  // A key belongs to a scope (see SnapshotRow.scope), and times are in microseconds, before this step in milliseconds.
  // `ref` is the value of the label by which containerd looks for a snapshot. `snapshot_use` has the snapshots whose
  // mounts may be in use.
  [
    `CREATE TABLE scoped_snapshot (
       scope TEXT NOT NULL, key TEXT NOT NULL,
       kind TEXT NOT NULL CHECK (kind IN ('active', 'view', 'committed')),
       parent TEXT, cache_id INTEGER, diff_id TEXT, labels TEXT NOT NULL,
       created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
       usage_size INTEGER, usage_inodes INTEGER, ref TEXT,
       PRIMARY KEY (scope, key)) STRICT, WITHOUT ROWID`,
    `INSERT INTO scoped_snapshot
       SELECT '', key, kind, parent, cache_id, diff_id, labels, created_at * 1000, updated_at * 1000,
         usage_size, usage_inodes, CASE WHEN json_valid(labels) THEN
           (SELECT value ->> 1 FROM json_each(labels) WHERE value ->> 0 = 'containerd.io/snapshot.ref') END
       FROM snapshot`,
    `DROP TABLE snapshot`,
    `ALTER TABLE scoped_snapshot RENAME TO snapshot`,
    `CREATE INDEX snapshot_parent ON snapshot (scope, parent)`,
    `CREATE INDEX snapshot_kind ON snapshot (scope, kind)`,
    `CREATE INDEX snapshot_cache ON snapshot (cache_id)`,
    `CREATE INDEX snapshot_layer ON snapshot (diff_id)`,
    `CREATE INDEX snapshot_ref ON snapshot (scope, ref) WHERE ref IS NOT NULL`,
    `CREATE INDEX snapshot_use ON snapshot (scope, parent)
       WHERE kind <> 'committed' AND instr(labels, '["varve.released",') = 0`,
    ...rootTriggers(
      "snapshot",
      "key",
      "CASE NEW.scope WHEN '' THEN '' ELSE NEW.scope || '-' END || 'snapshot'",
    ),
  ],
  // What documents name: see `parts/parts.ts`. `blob.parts` is NULL for blobs from before this step, until their parts
  // are noted. The triggers keep both in step. The others count in `due` what a removal may leave to a collection.
  [
    `ALTER TABLE blob ADD COLUMN parts INTEGER`,
    `CREATE INDEX blob_parts ON blob (parts)`,
    `CREATE TABLE part (
       digest TEXT NOT NULL, role TEXT NOT NULL CHECK (role IN ('blob', 'layer', 'chain')),
       document TEXT NOT NULL, PRIMARY KEY (digest, role, document)) STRICT, WITHOUT ROWID`,
    `CREATE INDEX part_document ON part (document)`,
    ...["INSERT", "DELETE", "UPDATE"].map((event) =>
      `CREATE TRIGGER part_${event.toLowerCase()} BEFORE ${event} ON part
       WHEN EXISTS (SELECT 1 FROM blob WHERE digest = ${event === "INSERT" ? "NEW" : "OLD"}.document
         AND parts IS NOT NULL)
       BEGIN SELECT RAISE (ABORT, 'the parts of the blob are noted'); END`
    ),
    `CREATE TRIGGER blob_parts_number BEFORE UPDATE OF parts ON blob
     WHEN NEW.parts <> (SELECT count(*) FROM part WHERE document = NEW.digest)
     BEGIN SELECT RAISE (ABORT, 'the blob has another number of parts'); END`,
    `CREATE TRIGGER blob_delete AFTER DELETE ON blob
     BEGIN DELETE FROM part WHERE document = OLD.digest; END`,
    `CREATE INDEX image_digest ON image (digest)`,
    `INSERT INTO state VALUES ('due', 1)`,
    `CREATE TRIGGER image_due AFTER DELETE ON image
     WHEN NOT EXISTS (SELECT 1 FROM image WHERE digest = OLD.digest)
     BEGIN UPDATE state SET value = value + 1 WHERE key = 'due'; END`,
    `CREATE TRIGGER snapshot_due AFTER DELETE ON snapshot WHEN OLD.kind = 'active'
     BEGIN UPDATE state SET value = value + 1 WHERE key = 'due'; END`,
    // Most leases are those of mounts, whose images stay. Then nothing becomes garbage.
    `CREATE TRIGGER lease_due AFTER DELETE ON lease
     WHEN NOT json_valid(OLD.resources) OR NOT EXISTS
       (SELECT 1 FROM json_each(OLD.resources), image
        WHERE substr(value, 1, 6) = 'image:' AND name = substr(value, 7))
     BEGIN UPDATE state SET value = value + 1 WHERE key = 'due'; END`,
    // Names of this form come from 0.1.0 only. Each start asks for them.
    `CREATE INDEX image_digest_like ON image (name) WHERE ${DIGEST_LIKE}`,
  ],
];

/**
 * Triggers that note each new and changed row of a table in `root_change`. They look before they insert: in a trigger, the
 * conflict clause of the statement that fired it replaces an `OR IGNORE` (sqlite.org, CREATE TRIGGER).
 */
function rootTriggers(table: string, key: string, kind = `'${table}'`): string[] {
  return ["INSERT", "UPDATE"].map((event) =>
    `CREATE TRIGGER IF NOT EXISTS ${table}_${event.toLowerCase()} AFTER ${event} ON ${table}
     WHEN (SELECT value FROM state WHERE key = 'collecting') <> 0
     BEGIN
       INSERT INTO root_change SELECT ${kind}, NEW.${key} WHERE NOT EXISTS
         (SELECT 1 FROM root_change WHERE kind = ${kind} AND key = NEW.${key});
     END`
  );
}

/** The schema version that this code reads and writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** The schema version of a database; 0 when it is new. */
export function schemaOf(db: Database): number {
  return db.get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
}

/** Refuses the schema of a later varve. @throws {VarveError} `E_DB` */
export function checkSchema(path: string, version: number): void {
  if (version >= 0 && version <= SCHEMA_VERSION) return;
  throw new VarveError("E_DB", `Cannot open ${path}: its schema is ${version}`, {
    expected: SCHEMA_VERSION,
    actual: version,
    hint: "use a newer varve, or another root",
  });
}

/**
 * Migrates a database to the newest schema in one transaction: at any moment it has either the old
 * schema or the new one.
 */
export function migrate(
  db: Database,
  path: string,
  migrations: readonly (readonly string[])[] = MIGRATIONS,
): void {
  if (schemaOf(db) === migrations.length) return;
  db.transact(() => {
    const version = schemaOf(db);
    checkSchema(path, version);
    for (const step of migrations.slice(version)) {
      for (const sql of step) db.run(sql);
    }
    db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.run(`PRAGMA user_version = ${migrations.length}`);
  });
}
