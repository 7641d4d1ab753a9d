import { VarveError } from "../errors.ts";
import type { LoadedImage } from "../image/mod.ts";
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
  /** Composes them where `compose.eager` says so, and mounts the one that is to be. */
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
  const target = directory === undefined ? null : await checkTarget(context, directory);
  return {
    arrive: async (images, platform) => {
      try {
        await composeEagerly(context, images);
        return target === null ? null : await mountOne(context, images, target, platform);
      } catch (error) {
        const names = images.flatMap(({ names }) => names).join(", ");
        context.warn(`${names}: complete in the store, whatever failed afterwards`);
        throw error;
      }
    },
  };
}

/** Also makes the snapshotter, which would take its time later. */
async function checkTarget(context: Context, directory: string): Promise<string> {
  const { checkMountTarget } = await import("../mount/internal.ts");
  const target = checkMountTarget(await context.store(), directory);
  await context.snapshotter();
  return target;
}

async function mountOne(
  context: Context,
  images: readonly LoadedImage[],
  target: string,
  platform = hostPlatform(),
): Promise<MountReport> {
  if (images.length > 1) {
    throw new VarveError(
      "E_USAGE",
      `Cannot mount at ${target}: ${images.length} images came in`,
      { subject: target, hint: "mount one of them by its name" },
    );
  }
  const { mountImage } = await import("../mount/mod.ts");
  const [store, snapshotter] = [await context.store(), await context.snapshotter()];
  const image = await readImage(store, await findImage(store, images[0]?.names[0] ?? ""), {
    platform,
  });
  const { signal } = context;
  return reportMount(await mountImage({ store, snapshotter, image, target, signal }), snapshotter);
}
