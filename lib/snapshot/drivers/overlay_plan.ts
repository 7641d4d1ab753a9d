import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { bindMount, type Mount, overlayMount } from "../../linux/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";

/** The most lowers that overlayfs stacks (`OVL_MAX_STACK` of fs/overlayfs/params.h). */
export const MAX_LOWERS = 500;
/** How many of them an image may use: one is left for `withTopLower`, that is, for a container. */
export const IMAGE_LOWERS: number = MAX_LOWERS - 1;

/** What lies on top of the lowers. */
export interface OverlayUpper {
  /** Whether it may be written. */
  readonly kind: "active" | "view";
  /** `snapshots/<id>`, with `fs` and `work`; `null` for a view of lowers. */
  readonly directory: ByteString | null;
}

/**
 * Maps lowers (the topmost first) and upper to mounts, without any I/O. Always an
 * overlay, also where a bind would do: whoever applies a layer to it records
 * whiteouts instead of carrying them out, and none ever shows as a device.
 */
export function overlayMounts(lowers: readonly ByteString[], upper: OverlayUpper): Mount[] {
  const { kind, directory } = upper;
  const own = `${directory}/${SNAPSHOT_FILES.files}` as ByteString;
  const [only] = lowers;
  if (kind === "view" && directory === null && only !== undefined && lowers.length === 1) {
    // Without an upper an overlay needs two lowers; one is the view itself.
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

/** How a run of layers becomes lowers. */
export interface LowerPlan {
  /** Layers with a lower of their own, the topmost first, each once. */
  readonly single: readonly DiffId[];
  /** Layers that share the lowest lower, the lowest first. */
  readonly joined: readonly DiffId[];
}

/**
 * Plans lowers for layers, the lowest first.
 *
 * Overlayfs refuses a directory that is a lower twice. The topmost of several
 * equal layers says all that the others say, so that those can go. What does
 * not fit into `room` lowers (at least one) is joined, from below.
 */
export function planLowers(layers: readonly DiffId[], room: number): LowerPlan {
  // Sets keep the order of insertion.
  const single = new Set<DiffId>();
  for (const diffId of layers.toReversed()) {
    single.add(diffId);
    if (single.size <= room) continue;
    const kept = [...single].slice(0, room - 1);
    // The last lower that there is room for holds all from there down.
    const highest = [...single][room - 1] as DiffId;
    return { single: kept, joined: layers.slice(0, layers.lastIndexOf(highest) + 1) };
  }
  return { single: [...single], joined: [] };
}
