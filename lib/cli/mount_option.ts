import { VarveError } from "../errors.ts";
import type { LoadedImage } from "../image/mod.ts";
import { readImage } from "../store/mod.ts";
import { composeEagerly } from "./compose_eager.ts";
import type { Context } from "./context.ts";
import { type MountReport, reportMount } from "./report_mount.ts";
import { warnOfStaleMounts } from "./display/stale_mounts.ts";

/** The option `--mount` of `load` and `pull`. */
export const MOUNT_OPTION: readonly [flags: string, description: string] = [
  "--mount <dir>",
  "mount the image there, read-only, once all of it is verified",
];

/** The work that follows a load or a pull. */
export interface PreparedMount {
  /**
   * Composes the images if `compose.eager` is on, and mounts the image if `--mount` was given. Warns of mounts that show
   * old bytes, if a layer was repaired.
   */
  finish(images: readonly LoadedImage[]): Promise<MountReport | null>;
}

/**
 * Checks the directory of `--mount`, if there is one, before the load or pull begins.
 *
 * @throws {VarveError} as `mountImage` does for the directory
 */
export async function prepareMount(
  context: Context,
  directory: string | undefined,
): Promise<PreparedMount> {
  const target = directory === undefined ? null : await checkTarget(context, directory);
  return {
    finish: async (images) => {
      try {
        await composeEagerly(context, images);
        const mounted = target === null ? null : await mountOne(context, images, target);
        const isNew = images.some(({ layers }) => layers.some(({ processed }) => processed));
        if (isNew) await warnOfStaleMounts(context);
        return mounted;
      } catch (error) {
        const names = images.flatMap(({ names }) => names).join(", ");
        context.warn(`${names}: complete in the store; only a later step failed`);
        throw error;
      }
    },
  };
}

/** Checks the directory, and makes the snapshotter now, because the mount would have to wait for it later. */
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
): Promise<MountReport> {
  if (images.length > 1) {
    throw new VarveError(
      "E_USAGE",
      `Cannot mount at ${target}: the archive holds ${images.length} images`,
      { subject: target, hint: "mount one of them by its name" },
    );
  }
  const { mountImage } = await import("../mount/mod.ts");
  const [store, snapshotter] = [await context.store(), await context.snapshotter()];
  const image = await readImage(store, images[0]?.names[0] ?? "");
  const { signal } = context;
  return reportMount(await mountImage(store, image, target, { snapshotter, signal }), snapshotter);
}
