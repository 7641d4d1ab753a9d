import { ingestImages } from "../../image/internal.ts";
import type { LoadedImage } from "../../image/mod.ts";
import { ociLimits, parseReference } from "../../oci/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import type { PullOptions } from "./pull_options.ts";
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
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY` · `E_PLATFORM` · the errors of
 * {@linkcode loadImages} for bad data · `E_USAGE` a malformed reference
 *
 * @example
 * ```ts ignore
 * import { openStore, pullImage, RegistryClient, loadClientConfig } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * using client = new RegistryClient(await loadClientConfig("docker.io", "library/debian"));
 * const image = await pullImage(store, client, "docker.io/library/debian");
 * ```
 */
export async function pullImage(
  store: Store,
  client: RegistryClient,
  reference: string,
  options: PullOptions = {},
): Promise<LoadedImage> {
  const name = parseReference(reference);
  if (name.registry !== client.config.registry) {
    throw new TypeError(`Cannot pull ${reference}: the client is for ${client.config.registry}`);
  }
  const source = registrySource(store, client, name, options);
  const [image] = await ingestImages(store, source, {
    ...options,
    concurrency: Math.max(1, options.concurrency ?? CONCURRENCY),
    documents: ociLimits(options.ociLimits),
    verb: "pull",
  });
  return image as LoadedImage;
}
