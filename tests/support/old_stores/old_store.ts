/**
 * Stores as older versions of varve wrote them, one for each schema of the database. The SQL and the bytes are written
 * down here and in `bytes.ts`, and nothing of `lib/` is used: what an old version wrote never changes.
 */
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { BLOB_UPPER, CONFIG, IMAGE, MANIFEST, TAR_LOWER, TREE_LOWER, TREE_UPPER } from "./bytes.ts";

const IMAGE_ID = "sha256:3158af5024b83d431e705e69f217de24be48c558c58e0b0c11b472cb51097e32";
const BLOB = "sha256:9566239fc3c70aaebbf9626daa718308ded2ba161a9e36c9687b67c94f29dd62";
const MANIFEST_DIGEST = "sha256:f5d82f3b82101f61aaed17b0dd0094e69af9707a24fb5a96c01e766594aa9b08";
const LOWER = "sha256:b49c284acaae94a4620dbf74c403ece94a454cedf3f82dd05c9d8d78dadecc73";
const UPPER = "sha256:9386ca58cbe02be9ce5c3a06b0b95dc43b002b4e1162444937e6568f9925cea3";
const CHAIN = "sha256:cae072ca95d10c7599e2d9f6298e2871b7eb4f246473ff352fdaa3e1dc4a287e";
const LOWER_TREE = "sha256:ddb32ac2a0a616c86a0faed6574fedb62d912e3e98012df0688bb43954a2bc92";
const UPPER_TREE = "sha256:f0c393df551f3c3e562246cba92903c73d4206a40a14f0cf8a8b3bd45db47f6a";

const TIME = 1795998308719;

/** Name of the image in an old store. */
export const OLD_IMAGE = "example.org/old:1";
/** Key of the read-write snapshot in an old store, whose upper directory holds `etc/kept`. */
export const OLD_KEY = "work";
/** The files that a mount of the image shows, with their content. */
export const OLD_FILES: Readonly<Record<string, string>> = {
  "etc/long": "x".repeat(9000),
  "etc/one": "one",
  "etc/same": "one",
  "etc/two": "two",
};
/** The schemas of released versions, and those in between. */
export const OLD_SCHEMAS = [1, 2, 3, 4, 5, 6, 7] as const;

/** The statements that each schema adds to the one before it. */
const STEPS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE blob (
       digest TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL,
       verified_at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE layer (
       diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL, cache_id INTEGER NOT NULL UNIQUE,
       tree_digest TEXT NOT NULL, tree_size INTEGER NOT NULL, entries INTEGER NOT NULL,
       dirty_padding INTEGER NOT NULL, verified_at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE layer_blob (digest TEXT PRIMARY KEY, diff_id TEXT NOT NULL) STRICT, WITHOUT ROWID`,
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
    `CREATE TABLE lease (
       id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, expires_at INTEGER,
       labels TEXT NOT NULL, resources TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX blob_seq ON blob (seq)`,
    `CREATE INDEX layer_seq ON layer (seq)`,
    `CREATE INDEX layer_blob_layer ON layer_blob (diff_id)`,
    `CREATE INDEX snapshot_parent ON snapshot (parent)`,
    `CREATE INDEX snapshot_cache ON snapshot (cache_id)`,
    `INSERT INTO state VALUES
       ('barrier', 1), ('images', 1), ('next_cache_id', 5), ('seq', 1), ('unsynced', 0)`,
    `INSERT INTO blob VALUES
       ('${IMAGE_ID}', 420, 'application/vnd.oci.image.config.v1+json', ${TIME}, 1),
       ('${BLOB}', 138, 'application/vnd.oci.image.layer.v1.tar+gzip', ${TIME}, 1),
       ('${LOWER}', 20480, 'application/vnd.oci.image.layer.v1.tar', ${TIME}, 1),
       ('${MANIFEST_DIGEST}', 552, 'application/vnd.oci.image.manifest.v1+json', ${TIME}, 1)`,
    `INSERT INTO layer VALUES
       ('${UPPER}', 10240, 2, '${UPPER_TREE}', 580, 3, 0, ${TIME}, 1),
       ('${LOWER}', 20480, 1, '${LOWER_TREE}', 788, 5, 0, ${TIME}, 1)`,
    `INSERT INTO layer_blob VALUES ('${BLOB}', '${UPPER}'), ('${LOWER}', '${LOWER}')`,
    `INSERT INTO chain VALUES
       ('${LOWER}', '${LOWER}', NULL, NULL), ('${CHAIN}', '${UPPER}', '${LOWER}', 4)`,
    `INSERT INTO image VALUES ('${OLD_IMAGE}', '${MANIFEST_DIGEST}',
       '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"${MANIFEST_DIGEST}","size":552}',
       ${TIME}, ${TIME})`,
    `INSERT INTO snapshot VALUES
       ('${LOWER}', 'committed', NULL, NULL, '${LOWER}', '[]', ${TIME}, ${TIME}, 20480, 5),
       ('${CHAIN}', 'committed', '${LOWER}', NULL, '${UPPER}', '[]', ${TIME}, ${TIME}, 10240, 3),
       ('${OLD_KEY}', 'active', '${CHAIN}', 3, NULL,
        '[["varve.image.name","${OLD_IMAGE}"],["varve.image.manifest","${MANIFEST_DIGEST}"]]',
        ${TIME}, ${TIME}, NULL, NULL)`,
  ],
  [`ALTER TABLE layer ADD COLUMN tree_sum TEXT`],
  [`ALTER TABLE image ADD COLUMN spare INTEGER NOT NULL DEFAULT 0`],
  [
    `CREATE TABLE layer_name (name TEXT PRIMARY KEY, diff_id TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX layer_name_layer ON layer_name (diff_id)`,
  ],
  [`ALTER TABLE image ADD COLUMN platform TEXT`],
  [
    `CREATE TABLE root_change (
       kind TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID`,
    `INSERT INTO state VALUES ('collecting', 0)`,
    `CREATE INDEX chain_layer ON chain (diff_id)`,
    `CREATE INDEX chain_parent ON chain (parent_chain_id)`,
    `CREATE INDEX snapshot_layer ON snapshot (diff_id)`,
    ...[["image", "name"], ["snapshot", "key"], ["lease", "id"]].flatMap(([table, key]) =>
      ["INSERT", "UPDATE"].map((event) =>
        `CREATE TRIGGER ${table}_${event.toLowerCase()} AFTER ${event} ON ${table}
         WHEN (SELECT value FROM state WHERE key = 'collecting') <> 0
         BEGIN
           INSERT INTO root_change SELECT '${table}', NEW.${key} WHERE NOT EXISTS
             (SELECT 1 FROM root_change WHERE kind = '${table}' AND key = NEW.${key});
         END`
      )
    ),
  ],
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
         usage_size, usage_inodes, NULL FROM snapshot`,
    `DROP TABLE snapshot`,
    `ALTER TABLE scoped_snapshot RENAME TO snapshot`,
    `CREATE INDEX snapshot_parent ON snapshot (scope, parent)`,
    `CREATE INDEX snapshot_kind ON snapshot (scope, kind)`,
    `CREATE INDEX snapshot_cache ON snapshot (cache_id)`,
    `CREATE INDEX snapshot_layer ON snapshot (diff_id)`,
    `CREATE INDEX snapshot_ref ON snapshot (scope, ref) WHERE ref IS NOT NULL`,
    `CREATE INDEX snapshot_use ON snapshot (scope, parent)
       WHERE kind <> 'committed' AND instr(labels, '["varve.released",') = 0`,
    ...["INSERT", "UPDATE"].map((event) => {
      const kind = "CASE NEW.scope WHEN '' THEN '' ELSE NEW.scope || '-' END || 'snapshot'";
      return `CREATE TRIGGER snapshot_${event.toLowerCase()} AFTER ${event} ON snapshot
       WHEN (SELECT value FROM state WHERE key = 'collecting') <> 0
       BEGIN
         INSERT INTO root_change SELECT ${kind}, NEW.key WHERE NOT EXISTS
           (SELECT 1 FROM root_change WHERE kind = ${kind} AND key = NEW.key);
       END`;
    }),
  ],
];

const IMAGE_INFO =
  `{"digest":"sha256:0f75a04406d48912196f0d418cea9f1f5c5c595cc2402d01e6dddce937778e71","size":2048,` +
  `"devices":["${UPPER}","${LOWER}"],` +
  `"tree":"sha256:4d8494d330d137c2d87239357f12f3a42f082459fd137eb7e09387bd2f7bd65f"}`;

const INDEX =
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":` +
  `"application/vnd.oci.image.manifest.v1+json","digest":"${MANIFEST_DIGEST}","size":552,"annotations":` +
  `{"org.opencontainers.image.ref.name":"${OLD_IMAGE}"}}],"annotations":{"varve.generation":"1"}}`;

/** Writes a store of a schema into a directory that does not exist yet. */
export async function writeOldStore(root: string, schema: number): Promise<void> {
  for (
    const path of [
      ...["", "content", "content/blobs", "content/blobs/sha256", "layers", "layers/1", "layers/2"],
      ...["chains", "chains/4", "chains/4/erofs", "snapshots", "snapshots/3", "ingest", "trash"],
      "mounts",
    ]
  ) await Deno.mkdir(`${root}/${path}`, { mode: 0o700 });
  for (const path of ["fs", "fs/etc", "work", "empty"]) {
    await Deno.mkdir(`${root}/snapshots/3/${path}`, { mode: 0o755 });
  }
  const tar = unpacked(TAR_LOWER), blob = decoded(BLOB_UPPER);
  const files: readonly (readonly [path: string, bytes: Uint8Array | string, mode: number])[] = [
    ["content/oci-layout", '{"imageLayoutVersion":"1.0.0"}\n', 0o644],
    ["content/index.json", INDEX, 0o644],
    [blobPath(IMAGE_ID), CONFIG, 0o444],
    [blobPath(MANIFEST_DIGEST), MANIFEST, 0o444],
    [blobPath(BLOB), blob, 0o444],
    ["layers/1/layer.tar", tar, 0o444],
    ["layers/1/tree", unpacked(TREE_LOWER), 0o444],
    ["layers/1/marker", layerMarker(1, LOWER, 20480, LOWER_TREE, 788, 5), 0o400],
    ["layers/2/layer.tar", gunzipSync(blob), 0o444],
    ["layers/2/tree", unpacked(TREE_UPPER), 0o444],
    ["layers/2/marker", layerMarker(2, UPPER, 10240, UPPER_TREE, 580, 3), 0o400],
    [
      "chains/4/marker",
      `varve-marker 1\n{"id":4,"kind":"chain","chainID":"${CHAIN}","diffID":"${UPPER}","parent":"${LOWER}"}\n`,
      0o400,
    ],
    ["chains/4/erofs/image", unpacked(IMAGE), 0o444],
    ["chains/4/erofs/image.json", IMAGE_INFO, 0o444],
    [
      "snapshots/3/marker",
      `varve-marker 1\n{"id":3,"kind":"snapshot","key":"${OLD_KEY}","owner":"b52610fc97f21ecd"}\n`,
      0o400,
    ],
    ["snapshots/3/fs/etc/kept", "kept", 0o644],
    ["store.lock", "", 0o600],
  ];
  for (const [path, bytes, mode] of files) {
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    await Deno.writeFile(`${root}/${path}`, data);
    await Deno.chmod(`${root}/${path}`, mode);
  }
  await Deno.link(`${root}/layers/1/layer.tar`, `${root}/${blobPath(LOWER)}`);
  writeDatabase(`${root}/meta.db`, schema);
  await Deno.chmod(`${root}/meta.db`, 0o600);
}

function writeDatabase(path: string, schema: number): void {
  using db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL");
  for (const sql of STEPS.slice(0, schema).flat()) db.exec(sql);
  db.exec(`PRAGMA application_id = ${0x76727665}`);
  db.exec(`PRAGMA user_version = ${schema}`);
}

function layerMarker(
  id: number,
  diffID: string,
  size: number,
  treeDigest: string,
  treeSize: number,
  entries: number,
): string {
  const marker = { id, kind: "layer", diffID, size, treeDigest, treeSize, entries };
  return `varve-marker 1\n${JSON.stringify(marker)}\n`;
}

function blobPath(digest: string): string {
  return `content/blobs/sha256/${digest.slice(7)}`;
}

function decoded(base64: string): Uint8Array {
  return Uint8Array.fromBase64(base64);
}

function unpacked(base64: string): Uint8Array {
  return gunzipSync(decoded(base64));
}
