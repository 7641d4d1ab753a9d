/** Makes an image without its topmost layer, so that the demo can show what that layer changes. */
import {
  type BuiltImage,
  describe,
  jsonBytes,
  ociFiles,
  sha256Of,
  writeArchive,
} from "../support/images/images.ts";

/** The parts of the output of `varve inspect` that the demo reads. */
export interface Inspected {
  readonly manifest: { config: { mediaType: string }; layers: Descriptor[] };
  readonly config: {
    rootfs: { diff_ids: string[] };
    history?: { empty_layer?: boolean }[];
  };
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** Name of the image without its topmost layer. */
export const BELOW_NAME = "demo.local/below:1";

/**
 * Writes the image as an OCI layout. Its layers are hard links to blobs of the store, or copies where links do not
 * work.
 *
 * @param image the whole image, as `varve inspect` prints it
 * @param store root of the store that holds it
 * @param layout the directory to create
 */
export async function writeBelow(image: Inspected, store: string, layout: string): Promise<void> {
  const layers = image.manifest.layers.slice(0, -1);
  const history = [...image.config.history ?? []];
  const last = history.findLastIndex((entry) => entry.empty_layer !== true);
  if (last >= 0) history.splice(last);
  const config = jsonBytes({
    ...image.config,
    rootfs: { type: "layers", diff_ids: image.config.rootfs.diff_ids.slice(0, -1) },
    history,
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType,
    config: describe("application/vnd.oci.image.config.v1+json", config),
    layers,
  });
  const built: BuiltImage = {
    name: BELOW_NAME,
    layers: [],
    config,
    imageId: sha256Of(config),
    manifest,
    descriptor: describe(mediaType, manifest),
    chainId: "",
  };
  await Deno.mkdir(layout);
  await writeArchive(layout, ociFiles([built]));
  for (const { digest } of layers) {
    const blob = `blobs/${digest.replace(":", "/")}`;
    const from = `${store}/content/${blob}`;
    await Deno.link(from, `${layout}/${blob}`).catch(() =>
      Deno.copyFile(from, `${layout}/${blob}`)
    );
  }
}
