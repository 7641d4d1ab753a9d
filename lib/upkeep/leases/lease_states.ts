import { detachedOf, gcKnowledge, LOCK_LABEL } from "../../snapshot/internal.ts";
import { MOUNT_LABEL } from "../../snapshot/mod.ts";
import type { DiskStore, Lease } from "../../store/mod.ts";

/** A lease, and whether it keeps anything. */
export interface LeaseState {
  /** The lease. */
  readonly lease: Lease;
  /** Whether it is live. */
  readonly live: boolean;
  /** What it belongs to, as a sentence; `null` when a user made it. */
  readonly heldBy: string | null;
}

/** The leases of a store, sorted by id, and whether they are live. */
export function leaseStates(store: DiskStore): LeaseState[] {
  const { isLive = () => true } = gcKnowledge(store);
  return store.leases.list().map((lease) => {
    const { labels } = lease;
    const mount = labels[MOUNT_LABEL];
    const heldBy = mount !== undefined
      ? `it belongs to the mount at ${mount}`
      : detachedOf(lease) !== undefined
      ? "it belongs to a mount that was unmounted while something used it"
      : labels[LOCK_LABEL] !== undefined
      ? "it belongs to a container that runs"
      : null;
    return { lease, live: isLive(lease), heldBy };
  });
}
