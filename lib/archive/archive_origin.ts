import { originOf } from "../image/internal.ts";
import type { ImageOrigin } from "../image/mod.ts";
import { archiveSource, type LoadArchiveOptions } from "./load.ts";
import type { ArchiveInput } from "./open_files.ts";

/**
 * An archive or an OCI layout as the origin of images, for example of a repair.
 *
 * @example
 * ```ts ignore
 * import { archiveOrigin, openStore, repairStore } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * const { left } = await repairStore(store, { deep: true, from: archiveOrigin("app.tar") });
 * ```
 */
export function archiveOrigin(
  input: ArchiveInput,
  options: Pick<LoadArchiveOptions, "image" | "form"> = {},
): ImageOrigin {
  return originOf(archiveSource(input, options));
}
