import { isDigestLikeName } from "../../../oci/mod.ts";
import type { Database } from "./database.ts";
import { DIGEST_LIKE } from "./schema.ts";

/** Number of names that a warning shows. */
const SHOWN = 3;

/**
 * The image names that read as a digest or an image ID, sorted. The store refuses new names of this
 * kind, but varve 0.1.0 accepted them.
 */
export function digestLikeNames(db: Database): string[] {
  // SQLite preselects the few candidates, so that a start stays fast with many names.
  const rows = db.all<{ name: string }>(
    `SELECT name FROM image INDEXED BY image_digest_like WHERE ${DIGEST_LIKE} ORDER BY name`,
  );
  return rows.map(({ name }) => name).filter(isDigestLikeName);
}

/**
 * The warning that lists the names and says how the user removes them. `names` holds at least one
 * name.
 */
export function digestLikeWarning(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(", ");
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return `image names that read as a digest: ${shown}${more}; they no longer select an image by their short ` +
    `form. Give the image another name, then remove ${names[0]}`;
}
