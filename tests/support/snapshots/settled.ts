import { endDeadMounts } from "../../../lib/mount/internal.ts";
import { detachedOf } from "../../../lib/snapshot/internal.ts";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import { requireDisk } from "../../../lib/store/internal.ts";
import type { Store } from "../../../lib/store/mod.ts";
import { waitUntil } from "../machine/wait.ts";

/**
 * Waits until nothing uses the mounts of a store that were unmounted, and ends what was kept for them. Any test beside
 * this one may start a container, which has a copy of every mount of the machine until it has changed its root.
 */
export async function settled(store: Store): Promise<void> {
  const disk = requireDisk(store, "settle");
  await waitUntil("the end of copies of what was unmounted", async () => {
    await endDeadMounts(disk, () => createSnapshotter(store));
    return store.leases.list().every((lease) => detachedOf(lease) === undefined);
  });
}
