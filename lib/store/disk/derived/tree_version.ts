import { guardedSync } from "../../../linux/mod.ts";
import type { Pool } from "../../../pool/mod.ts";
import { isOtherTreeVersion } from "../../../tree/internal.ts";
import type { Disk } from "../context.ts";
import type { LayerRow } from "../database/records.ts";
import { LAYER_FILES } from "../names.ts";
import type { BeginIngest } from "./derive_tree.ts";

/** Whether the file of a layer tree is of another version. A file that is no tree at all is damaged instead. */
function hasOtherVersion(path: string): boolean {
  return guardedSync("read the tree of a layer", () => {
    const head = new Uint8Array(16);
    using file = Deno.openSync(path, { read: true });
    return file.readSync(head) === head.length && isOtherTreeVersion(head);
  });
}

/** Derives the tree of a layer again if it has another version. */
export async function prepareTree(
  disk: Disk,
  begin: BeginIngest,
  row: LayerRow,
  pool?: Pool,
): Promise<void> {
  const path = `${disk.paths.layer(row.cache_id)}/${LAYER_FILES.tree}`;
  if (!hasOtherVersion(path)) return;
  // It loads the codecs, which most commands on a store do without.
  const { deriveTree } = await import("./derive_tree.ts");
  // Somebody else may have done it meanwhile.
  if (hasOtherVersion(path)) await deriveTree(disk, begin, row, pool);
}
