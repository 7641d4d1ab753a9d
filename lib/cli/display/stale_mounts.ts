import { escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { isSupported } from "../../linux/mod.ts";
import { requireDisk } from "../../store/internal.ts";
import type { Context } from "../context.ts";

/** Warns of mounts and containers that still show the bytes that a layer had before it was repaired. */
export async function warnOfStaleMounts(context: Context): Promise<void> {
  const store = requireDisk(await context.store(), "look at mounts");
  // A mount and a container that runs have a lease.
  if (!isSupported() || store.leases.list().length === 0) return;
  const { staleMounts } = await import("../../snapshot/internal.ts");
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
