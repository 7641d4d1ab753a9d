import type { DiskStore } from "../../store/mod.ts";
import type { Containerd } from "../client/contract.ts";
import { createSnapshotter } from "../../snapshot/mod.ts";
import type { Services } from "../contract.ts";
import { createDiffService } from "../diff/service.ts";
import { adoptChain } from "../snapshots/adopt.ts";
import { IdleCompose } from "../snapshots/idle_compose.ts";
import { MountGuard } from "../snapshots/mount_guard.ts";
import { createSnapshotsService } from "../snapshots/snapshots_service.ts";
import type { ServeContainerdOptions } from "./contract.ts";

/** What the services are made of. */
export interface ServiceParts
  extends Pick<ServeContainerdOptions, "pool" | "driver" | "rules" | "free" | "adopt" | "onEvent"> {
  readonly store: DiskStore;
  /** The containerd that calls. */
  readonly containerd: Containerd;
}

/** Makes the services. Dispose them after their last call. */
export function createServices(parts: ServiceParts): Services & AsyncDisposable {
  const { store, pool, driver, rules, containerd, free, adopt = "cri", onEvent } = parts;
  const onWarning = (message: string) => onEvent?.({ kind: "warning", message });
  const snapshotter = createSnapshotter(store, {
    ...{ driver, pool, onWarning, scope: "containerd", later: true },
    onCommitted: ({ key, diffId }) => {
      if (diffId !== null) idle.committed(key);
    },
  });
  const idle = new IdleCompose(snapshotter);
  const { content, leases } = containerd;
  const guard = new MountGuard(containerd.introspection, store.directories.mounts);
  const diff = createDiffService({ store, snapshotter, pool, content, leases, rules, guard });
  return {
    snapshots: createSnapshotsService({
      snapshotter,
      guard,
      free,
      adopt: (request) => adoptChain(store, request, adopt),
    }),
    diff,
    async [Symbol.asyncDispose](): Promise<void> {
      await idle[Symbol.asyncDispose]();
      await diff[Symbol.asyncDispose]();
      await snapshotter.cleanup();
    },
  };
}
