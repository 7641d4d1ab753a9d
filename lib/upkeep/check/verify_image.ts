import { chainIds } from "../../layer/mod.ts";
import { readRows, requireDisk } from "../../store/internal.ts";
import { findImage, type ImageArgument, readPlatforms, type Store } from "../../store/mod.ts";
import type { Finding } from "../contract.ts";
import { Affected } from "./affected.ts";
import { type CheckOptions, findDamage, findingsOf } from "./check_store.ts";

/**
 * Checks one image deeply: reads every byte of its documents, blobs, layers and trees, and of what was derived from
 * them, and compares the digests and the rows. All platforms that the store holds are checked.
 *
 * @returns what is damaged; empty for a sound image
 * @throws {VarveError} `E_NOT_FOUND` there is no such image · as `checkStore`
 *
 * @example
 * ```ts ignore
 * import { openStore, verifyImage } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * const findings = await verifyImage(store, "app:1");
 * if (findings.length > 0) console.log(findings[0].what);
 * ```
 */
export async function verifyImage(
  store: Store,
  image: ImageArgument,
  options: Omit<CheckOptions, "deep"> = {},
): Promise<Finding[]> {
  const disk = requireDisk(store, "verify an image");
  const record = await findImage(disk, image);
  const digests = await Affected.needsOf(disk, readRows(disk), record.target.digest);
  const platforms = await readPlatforms(disk, record);
  const chains = new Set<string>(
    platforms.flatMap(({ layers }) => chainIds(layers.map(({ diffId }) => diffId))),
  );
  const damages = await findDamage(disk, { ...options, deep: true }, { digests, chains });
  return await findingsOf(disk, damages);
}
