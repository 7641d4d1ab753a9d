import { type ByteString, fromText } from "../../bytes/mod.ts";
import { isVarveError } from "../../errors.ts";
import { type MountInfo, readMountInfo } from "../../linux/mod.ts";

/**
 * Whether a process sees what another one mounts in a directory: both are in one mount namespace, mounts propagate from
 * the one to the other (mount_namespaces(7), shared subtrees), they do not, or that cannot be found out.
 */
export type MountView = "same" | "propagated" | "separate" | "unknown";

/**
 * Finds out whether a process sees what another one mounts in a directory.
 *
 * @param from the process that mounts
 * @param to the process that looks
 * @param directory absolute path of the directory, which both see under this path
 */
export async function mountView(
  from: number | "self",
  to: number,
  directory: string,
): Promise<MountView> {
  const [own, other] = await Promise.all([mountNamespace(from), mountNamespace(to)]);
  if (own === null || other === null) return "unknown";
  if (own === other) return "same";
  try {
    const path = fromText(directory);
    const group = propagation(readMountInfo(from), path, /^shared:/);
    const groups = propagation(readMountInfo(to), path, /^(?:shared|master):/);
    return group.some((one) => groups.includes(one)) ? "propagated" : "separate";
  } catch (error) {
    if (isVarveError(error)) return "unknown";
    throw error;
  }
}

/** Numbers of the peer groups of the mount that has a directory: those whose tag has a form. */
function propagation(mounts: readonly MountInfo[], path: ByteString, tag: RegExp): string[] {
  const holds = ({ mountPoint }: MountInfo) =>
    mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`);
  const length = Math.max(...mounts.filter(holds).map(({ mountPoint }) => mountPoint.length));
  const mount = mounts.findLast((one) => holds(one) && one.mountPoint.length === length);
  return (mount?.optional ?? []).filter((text) => tag.test(text))
    .map((text) => text.slice(text.indexOf(":") + 1));
}

/** The mount namespace of a process as the kernel names it; null where it cannot be read. */
export async function mountNamespace(process: number | "self"): Promise<string | null> {
  return await readLink(`/proc/${process}/ns/mnt`);
}

/** Whether a PID namespace, given by its inode, is that of this process; 0 stands for an unknown one. */
export async function isSamePidNamespace(inode: number): Promise<boolean> {
  return inode === 0 || await readLink("/proc/self/ns/pid") === `pid:[${inode}]`;
}

async function readLink(path: string): Promise<string | null> {
  try {
    return await Deno.readLink(path);
  } catch {
    // The process has ended, or this user may not look at it.
    return null;
  }
}
