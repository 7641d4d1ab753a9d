/** A store with many rows beside the ones that a benchmark looks at. */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

/**
 * Adds images, layers and snapshots to a store that has an image. Each new image has a config, a manifest and a layer
 * of its own, on the layers of the first image. The new layers and snapshots are rows only: no command that the
 * benchmarks run touches their files. All count as synced: without syncs, each start checks all files since the last sync.
 */
export function addRows(root: string, count: number): void {
  using db = new DatabaseSync(`${root}/meta.db`);
  const row = db.prepare("SELECT target FROM image").get() as { target: string };
  const first = JSON.parse(row.target);
  const read = (digest: string) =>
    JSON.parse(Deno.readTextFileSync(`${root}/content/blobs/${digest.replace(":", "/")}`));
  const manifest = read(first.digest);
  const config = read(manifest.config.digest);
  const blob = db.prepare(
    "INSERT INTO blob (digest, size, media_type, verified_at, seq) VALUES (?, ?, ?, 1, 0)",
  );
  const image = db.prepare("INSERT INTO image VALUES (?, ?, ?, 1, 1, 0, NULL)");
  const layer = db.prepare("INSERT INTO layer VALUES (?, 1, ?, ?, 1, 1, 0, 1, 0, ?)");
  const snapshot = db.prepare(
    `INSERT INTO snapshot (scope, key, kind, cache_id, labels, created_at, updated_at)
     VALUES ('', ?, 'active', ?, '[]', 1, 1)`,
  );
  const put = (value: unknown, mediaType: string) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const hex = createHash("sha256").update(bytes).digest("hex");
    Deno.writeFileSync(`${root}/content/blobs/sha256/${hex}`, bytes, { mode: 0o444 });
    const digest = `sha256:${hex}`;
    blob.run(digest, bytes.length, mediaType);
    return { mediaType, digest, size: bytes.length };
  };
  db.exec("BEGIN");
  for (let i = 0; i < count; i++) {
    const hex = createHash("sha256").update(`layer ${i}`).digest("hex");
    const diffIds = [...config.rootfs.diff_ids, `sha256:${hex}`];
    const rootfs = { ...config.rootfs, diff_ids: diffIds };
    const own = put({ ...config, author: `${i}`, rootfs }, manifest.config.mediaType);
    const [lowest] = manifest.layers;
    const layers = [...manifest.layers, { ...lowest, digest: `sha256:${hex}` }];
    const target = put({ ...manifest, config: own, layers }, first.mediaType);
    image.run(`docker.io/library/many:${i}`, target.digest, JSON.stringify(target));
    layer.run(`sha256:${hex}`, 1_000_000 + i, `sha256:${hex}`, `sha256:${hex}`);
    snapshot.run(`many-${i}`, 2_000_000 + i);
  }
  db.exec("UPDATE state SET value = value + 1 WHERE key = 'images'");
  db.exec("UPDATE state SET value = 3000000 WHERE key = 'next_cache_id'");
  db.exec("COMMIT");
}
