import { escapeForTerminal, fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { LoadedImage } from "../image/mod.ts";
import { requireDisk } from "../store/internal.ts";
import { readImage } from "../store/mod.ts";
import { composeEagerly } from "./compose_eager.ts";
import type { Context } from "./context.ts";
import { type MountReport, reportMount } from "./report_mount.ts";

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
        await warnOfStaleMounts(context, images);
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

/** Warns of mounts and containers that still show the bytes that a layer had before it was repaired. */
async function warnOfStaleMounts(
  context: Context,
  images: readonly LoadedImage[],
): Promise<void> {
  const store = requireDisk(await context.store(), "look at mounts");
  // A mount and a container that runs have a lease.
  const isNew = images.some(({ layers }) => layers.some(({ processed }) => processed));
  if (!isNew || store.leases.list().length === 0) return;
  const { staleMounts } = await import("../snapshot/internal.ts");
  for (const target of staleMounts(store)) {
    const isContainer = target.startsWith(`${fromText(store.directories.mounts)}/`);
    const shown = escapeForTerminal(target);
    context.warn(
      isContainer
        ? `the container at ${shown} shows the old bytes: end it and run it again`
        : `the mount at ${shown} shows the old bytes: umount and mount again`,
    );
  }
}
