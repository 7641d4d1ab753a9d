import type { Database } from "../database/database.ts";
import type { ImageRow } from "../database/records.ts";

/** Greater than all hexadecimal digits: a digest that begins with a text is less than the text with this behind it. */
const BEHIND = "g";

/**
 * The rows of images that a digest can select which begins with a text: the digest of a target, of a manifest in an
 * index, or of a config. The parts of all documents must be noted. The documents are not read here, so the caller reads
 * which of their digests it is.
 */
export function imagesOf(db: Database, prefix: string): ImageRow[] {
  // The blob of a layer selects no image, and may be a part of all of them. With CROSS JOIN, SQLite does not begin with
  // all images.
  const sql = `WITH RECURSIVE begun (digest) AS (
      SELECT digest FROM blob WHERE digest >= ?1 AND digest < ?2
      UNION SELECT digest FROM part WHERE digest >= ?1 AND digest < ?2 AND role = 'blob'
      UNION SELECT digest FROM image WHERE digest >= ?1 AND digest < ?2),
    above (digest) AS (
      SELECT digest FROM begun WHERE digest NOT IN (SELECT digest FROM layer_blob)
      UNION SELECT document FROM above JOIN part ON part.digest = above.digest AND role = 'blob')
    SELECT image.* FROM above CROSS JOIN image ON image.digest = above.digest ORDER BY name`;
  return db.all<ImageRow>(sql, prefix, prefix + BEHIND);
}
