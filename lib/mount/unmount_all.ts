import { VarveError } from "../errors.ts";
import { ignoreMissing, trimLowers } from "../snapshot/internal.ts";
import { createSnapshotter, MOUNT_LABEL, type Snapshotter } from "../snapshot/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import { removeDeadViews } from "./dead_mounts.ts";
import { unmountImage } from "./unmount_image.ts";

/** Options of {@linkcode unmountAll}. */
export interface UnmountAllOptions {
  /** Removes the views of read-only mounts, and ends shared mounts. When absent, a snapshotter is made. */
  readonly snapshotter?: Snapshotter | undefined;
  /** Detach mounts now even if they are in use; each ends with its last user. Default: false. */
  readonly lazy?: boolean | undefined;
}

/**
 * Unmounts everything that is mounted of a store: what `mountImage` mounted, and the lowers that
 * snapshots share, except the lowers of running containers. Afterwards the store can be removed. What
 * cannot be unmounted is left, and the rest is unmounted all the same.
 *
 * If a snapshot was prepared but is not mounted yet, its mounts cannot be used any more: call `Snapshotter.mounts` for
 * new ones.
 *
 * @returns what was unmounted
 * @throws {VarveError} `E_BUSY`, `E_PRECONDITION` a mount could not be unmounted, as in `unmountImage`
 *
 * @example
 * ```ts ignore
 * for (const { target } of await unmountAll(store)) console.log(target);
 * ```
 */
export async function unmountAll(
  store: Store,
  { snapshotter = createSnapshotter(store), lazy }: UnmountAllOptions = {},
): Promise<{ readonly target: string; readonly key: string }[]> {
  const done: { target: string; key: string }[] = [];
  const failed: VarveError[] = [];
  // The list is sorted by target, so a mount inside another mount comes after it. Unmount from the last to the first.
  for (const { labels } of store.leases.list().toReversed()) {
    const target = labels[MOUNT_LABEL];
    if (target === undefined) continue;
    try {
      const { key } = await unmountImage(store, target, { snapshotter, lazy });
      done.push({ target, key });
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      // Another process unmounted it meanwhile.
      if (error.code !== "E_NOT_FOUND") failed.push(error);
    }
  }
  for (const { key, kind } of snapshotter.walk()) {
    if (kind !== "committed") await ignoreMissing(() => snapshotter.release(key));
  }
  const disk = requireDisk(store, "unmount");
  await removeDeadViews(disk, () => snapshotter);
  trimLowers(disk);
  const [first, ...more] = failed;
  if (first === undefined) return done.toReversed();
  if (more.length === 0) throw first;
  throw new VarveError(
    first.code,
    `${first.message}; ${more.length} more could not be unmounted`,
    first.details,
    { cause: first },
  );
}
