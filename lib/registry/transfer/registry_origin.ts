import { originOf } from "../../image/internal.ts";
import type { ImageOrigin } from "../../image/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { registrySource } from "./registry_source.ts";
import { remoteReference } from "./remote_reference.ts";

/**
 * An image of a registry, with all its platforms, as the origin of images, for example of a repair.
 *
 * @param store the store that gets the bytes; documents that it holds are not fetched
 * @throws {VarveError} `E_USAGE` a malformed reference
 *
 * @example
 * ```ts ignore
 * import { openStore, RegistryClient, registryOrigin, repairStore } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * using client = new RegistryClient();
 * const from = registryOrigin(store, client, "debian:12");
 * const { left } = await repairStore(store, { deep: true, from });
 * ```
 */
export function registryOrigin(
  store: Store,
  client: RegistryClient,
  reference: string,
): ImageOrigin {
  const name = remoteReference(reference, "pull");
  return originOf({
    label: reference,
    async images(ingest) {
      const own = await client.for(name);
      return await registrySource(store, own, name, { allPlatforms: true }).images(ingest);
    },
  });
}
