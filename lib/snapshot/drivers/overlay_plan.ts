import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { bindMount, type Mount, overlayMount } from "../../linux/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";

/** The most lowers that overlayfs stacks (`OVL_MAX_STACK` of fs/overlayfs/params.h). */
export const MAX_LOWERS = 500;
/**
 * Maximum number of lowers that an image may use. One lower is left for `withTopLower`: it holds the mount points that
 * a container adds to its root.
 */
export const IMAGE_LOWERS: number = MAX_LOWERS - 1;

/** The error for an overlay with more lowers than the kernel stacks. */
export function tooManyLowers(): VarveError {
  return new VarveError(
    "E_LIMIT",
    `Cannot mount by overlay: the parents of the snapshot need more lowers than the kernel allows (${MAX_LOWERS})`,
    { hint: "use the native driver" },
  );
}

/** What lies on top of the lowers of an overlay. */
export interface OverlayUpper {
  /** `active` is writable, `view` is read-only. */
  readonly kind: "active" | "view";
  /** Path of the snapshot's directory, which holds `fs` and `work`; `null` for a view without a directory. */
  readonly directory: ByteString | null;
}

/**
 * Maps lowers (topmost first) and upper to mounts, without any I/O.
 *
 * The mount is an overlay even where a bind mount would be enough. When another program applies a layer to an overlay,
 * it records the whiteouts in the upper directory instead of deleting files. The overlay hides these whiteouts, which a
 * bind mount would show as devices. Only a view of a single lower is a bind: an overlay without an upper needs two
 * lowers.
 *
 * @throws {RangeError} an active snapshot has no directory
 */
export function overlayMounts(lowers: readonly ByteString[], upper: OverlayUpper): Mount[] {
  const { kind, directory } = upper;
  const own = `${directory}/${SNAPSHOT_FILES.files}` as ByteString;
  const [only] = lowers;
  if (kind === "view" && directory === null && only !== undefined && lowers.length === 1) {
    return [bindMount(only, { readOnly: true, recursive: true })];
  }
  if (kind === "view") {
    return [overlayMount({ lowers: directory === null ? lowers : [own, ...lowers] })];
  }
  if (directory === null) {
    throw new RangeError("Cannot mount an active snapshot: it has no directory");
  }
  const work = `${directory}/${SNAPSHOT_FILES.work}` as ByteString;
  return [overlayMount({ lowers, upper: { directory: own, work } })];
}

/** How layers become lowers. */
export interface LowerPlan {
  /** Layers with a lower of their own, topmost first, each once. */
  readonly single: readonly DiffId[];
  /** Layers that are joined in one lower below the single ones, lowest first. */
  readonly joined: readonly DiffId[];
}

/**
 * Plans the lowers for layers, which are given lowest first.
 *
 * Overlayfs refuses a directory that is a lower twice. Of several equal layers only the topmost is
 * used: it hides the others. If there are more layers than `room` (at least 1), the lowest are joined.
 *
 * @throws {RangeError} `room` is less than 1: the layers would be left out
 */
export function planLowers(layers: readonly DiffId[], room: number): LowerPlan {
  if (room < 1) throw new RangeError(`Cannot plan lowers: there is room for ${room}`);
  // Sets keep the order of insertion.
  const single = new Set<DiffId>();
  for (const diffId of layers.toReversed()) {
    single.add(diffId);
    if (single.size <= room) continue;
    const kept = [...single].slice(0, room - 1);
    // The last lower holds the layer that is next in order, joined with all layers below it.
    const highest = [...single][room - 1] as DiffId;
    return { single: kept, joined: layers.slice(0, layers.lastIndexOf(highest) + 1) };
  }
  return { single: [...single], joined: [] };
}
