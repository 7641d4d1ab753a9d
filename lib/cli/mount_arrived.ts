import type { LoadedImage } from "../archive/mod.ts";
import { VarveError } from "../errors.ts";
import type { Platform } from "../oci/mod.ts";
import { findImage, readImage } from "../store/mod.ts";
import { composeEagerly } from "./compose_eager.ts";
import type { Context } from "./context.ts";
import { hostPlatform } from "./images.ts";
import { type MountReport, reportMount } from "./report_mount.ts";

/** The option of the verbs that bring an image. */
export const MOUNT_OPTION: readonly [flags: string, description: string] = [
  "--mount <dir>",
  "mount the image there, read-only, when all of it is verified",
];

/** Puts images that came in where the options and settings want them. */
export interface Arrival {
  /** Mounts the one image that came, or composes all where `compose.eager` says so. */
  arrive(
    images: readonly LoadedImage[],
    platform: Platform | undefined,
  ): Promise<MountReport | null>;
}

/**
 * Looks, before an image is brought, whether it can be mounted at `--mount`.
 *
 * @throws {VarveError} as `mountImage` does for the directory
 */
export async function expectImage(
  context: Context,
  directory: string | undefined,
): Promise<Arrival> {
  if (directory === undefined) {
    return {
      arrive: async (images) => {
        await composeEagerly(context, images);
        return null;
      },
    };
  }
  const { checkMountTarget, mountImage } = await import("../snapshot/mod.ts");
  const store = await context.store();
  checkMountTarget(store, directory);
  const snapshotter = await context.snapshotter();
  return {
    arrive: async (images, platform = hostPlatform()) => {
      const [{ names: [name = ""] } = { names: [] }, other] = images;
      if (other !== undefined) {
        throw new VarveError(
          "E_USAGE",
          `Cannot mount at ${directory}: ${images.length} images came in, and stay`,
          { subject: directory, hint: "mount one of them by its name" },
        );
      }
      const image = await readImage(store, await findImage(store, name), { platform });
      const { signal } = context;
      const mounted = await mountImage({ store, snapshotter, image, target: directory, signal });
      return reportMount(mounted, snapshotter);
    },
  };
}
