import { ingestImages } from "../../image/internal.ts";
import type { LoadedImage } from "../../image/mod.ts";
import { ociLimits } from "../../oci/mod.ts";
import { hostPlatform, type Store } from "../../store/mod.ts";
import { withClient } from "./client_for.ts";
import type { PullOptions } from "./pull_options.ts";
import { remoteReference } from "./remote_reference.ts";
import { registrySource } from "./registry_source.ts";

/** Default number of layers that are downloaded at the same time. */
const CONCURRENCY = 4;

/**
 * Pulls an image from a registry. Every byte is verified while it downloads. The image becomes visible at the end,
 * under the name that Docker would give it.
 *
 * Documents and layers that the store has are not downloaded again. From an index, only the
 * manifest for the platform is pulled, but the target of the image is still the index.
 *
 * Without `client` the pull is anonymous.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY` · `E_PLATFORM` · the errors of
 * {@linkcode loadImages} for bad data · `E_USAGE` a malformed reference
 *
 * @example
 * ```ts ignore
 * import { openStore, pullImage } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * const image = await pullImage(store, "debian:12");
 * console.log(image.names);
 * ```
 */
export async function pullImage(
  store: Store,
  reference: string,
  options: PullOptions = {},
): Promise<LoadedImage> {
  options.signal?.throwIfAborted();
  const name = remoteReference(reference, "pull");
  return await withClient(options, name, async (client) => {
    const [image] = await ingestImages(store, registrySource(store, client, name, options), {
      ...options,
      host: options.host ?? hostPlatform(),
      concurrency: Math.max(1, options.concurrency ?? CONCURRENCY),
      documents: ociLimits(options.ociLimits),
      verb: "pull",
    });
    return image as LoadedImage;
  });
}
