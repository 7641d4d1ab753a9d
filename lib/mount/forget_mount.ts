import { ignoreMissing } from "../snapshot/internal.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import type { Store } from "../store/mod.ts";

/** Removes the lease of a mount, and the view that was made for it. Idempotent. */
export async function forgetMount(
  store: Store,
  snapshotter: Snapshotter,
  id: string,
): Promise<void> {
  await ignoreMissing(async () => {
    // A snapshot of another kind was not made for the mount: a user took this key.
    if (snapshotter.stat(id).kind === "view") await snapshotter.remove(id);
  });
  await ignoreMissing(() => store.leases.remove(id));
}
