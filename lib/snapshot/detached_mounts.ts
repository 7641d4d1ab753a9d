/**
 * Mounts that are out of sight, but still used: a lazy unmount detached them while a process had files in them, or another
 * mount namespace has a copy.
 *
 * Such a mount has a lease `detached:<random>`, which keeps its layers, and what the kernel was told to mount. It ends
 * with the file system of the mount. For an overlay, the kernel tells whether that lives, whatever uses it. Another mount
 * has no file system of its own: it counts as used while a process is seen that has files in it. That is a bind mount of
 * the native driver, whose other copies nobody knows, or a composed image, whose files the kernel keeps by itself.
 */
import type { ByteString } from "../bytes/mod.ts";
import {
  hasFileSystem,
  isMountUsed,
  mountIdOf,
  type MountInfo,
  readKernelFile,
} from "../linux/mod.ts";
import type { Lease } from "../store/mod.ts";

/** Label of the lease of a detached mount: a JSON document, {@linkcode DetachedMount}. */
export const DETACHED_LABEL = "varve.mount.detached";

/** A mount as mountinfo showed it before it was detached. */
export interface DetachedMount extends Pick<MountInfo, "device" | "root" | "type" | "source"> {
  /** The boot in which it was mounted. */
  readonly boot: string;
  /** Its id, as a decimal number: see `mountIdOf`. */
  readonly id: string;
  /** Its options. */
  readonly superOptions: readonly ByteString[];
}

/** The lease of a mount that is about to be detached. `resources` are those of the lease of the mount. */
export function detachedLease(
  { mountPoint, device, root, type, source, superOptions }: MountInfo,
  { resources, now }: { readonly resources: readonly string[]; readonly now: number },
): Lease {
  const detached: DetachedMount = {
    boot: bootId(),
    id: String(mountIdOf(mountPoint) ?? 0n),
    device,
    root,
    type,
    source,
    superOptions,
  };
  return {
    id: `detached:${crypto.getRandomValues(new Uint8Array(8)).toHex()}`,
    createdAt: now,
    expiresAt: null,
    labels: { [DETACHED_LABEL]: JSON.stringify(detached) },
    resources,
  };
}

/** The detached mount of a lease; `undefined` when it is the lease of something else. */
export function detachedOf({ labels }: Lease): DetachedMount | undefined {
  const text = labels[DETACHED_LABEL];
  if (text === undefined) return undefined;
  try {
    const value: DetachedMount = JSON.parse(text);
    return typeof value?.device === "string" && /^[0-9]+$/.test(value.id) &&
        Array.isArray(value.superOptions)
      ? value
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether something still uses a detached mount. @param mounts the mounts that this process sees */
export function isDetachedUsed(detached: DetachedMount, mounts: readonly MountInfo[]): boolean {
  if (detached.boot !== bootId()) return false;
  const { id, device, type } = detached;
  if (type !== "overlay") return isMountUsed({ id: BigInt(id), device });
  // If only another file system has its number, it has ended, and the kernel gave the number again.
  const seen = mounts.filter((mount) => mount.device === device);
  if (seen.length > 0) return seen.some((mount) => isSame(mount, detached));
  return hasFileSystem(device) ?? isMountUsed({ id: BigInt(id), device: undefined });
}

function isSame(mount: MountInfo, { root, type, source, superOptions }: DetachedMount): boolean {
  return mount.root === root && mount.type === type && mount.source === source &&
    mount.superOptions.join() === superOptions.join();
}

function bootId(): string {
  return readKernelFile("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}
