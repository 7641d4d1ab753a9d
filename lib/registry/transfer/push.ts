import { VarveError } from "../../errors.ts";
import { planStored, storedBlobs } from "../../image/internal.ts";
import type { Descriptor, Reference } from "../../oci/mod.ts";
import type { ImageRecord, Store } from "../../store/mod.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { mountSources } from "./mount_sources.ts";
import { type PushedImage, type PushOptions, registrySink } from "./registry_sink.ts";

/**
 * Pushes an image as it is in the store: first the blobs that the registry does not have, then the manifests byte for
 * byte, and last the manifest or index under its tag. A blob that another repository of the registry has is mounted
 * from there, if the registry allows it.
 *
 * @throws {VarveError} `E_PRECONDITION` when a part of the image is not in the store, `E_REGISTRY`, `E_DENIED`
 */
export async function pushImage(
  store: Store,
  client: RegistryClient,
  image: ImageRecord,
  destination: Reference,
  options: PushOptions = {},
): Promise<PushedImage> {
  const plan = await planStored(store, image, {
    absent,
    distributable: { warn: (message) => options.onWarning?.(message) },
  });
  const mounts = await mountSources(store, destination, image);
  const sink = registrySink({
    ...options,
    client,
    destination,
    mountFrom: ({ digest }) => {
      const from = mounts.get(digest);
      return from === undefined ? [] : [from];
    },
  });
  return await sink.send(plan, storedBlobs(store));
}

function absent({ digest }: Descriptor, role: "document" | "blob"): VarveError {
  const isPlatform = role === "document";
  const state = isPlatform ? "of a platform that is not in the store" : "no longer in the store";
  return new VarveError("E_PRECONDITION", `Cannot push the image: its part ${digest} is ${state}`, {
    subject: digest,
    hint: isPlatform ? "push a single platform with --platform" : undefined,
  });
}
