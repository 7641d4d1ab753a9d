import { sleep } from "../../linux/mod.ts";
import { inodesAt, type InodeUse } from "../../store/internal.ts";
import type { Unit } from "./units.ts";

/** Time in ms after which a long synchronous work lets timers and signals run. */
const SLICE = 20;

/** A file with several names. */
export interface SharedFile {
  readonly bytes: number;
  readonly nlink: number;
  /** The units in which it has names: by index, with the number of names. The first is where it counts. */
  readonly names: Map<number, number>;
}

/** What the files of units take. */
export interface Measured {
  /** By index of a unit: bytes of its directories, and of its files that have one name. */
  readonly own: readonly number[];
  /** Files with several names, by inode. */
  readonly shared: ReadonlyMap<string, SharedFile>;
}

/** Measures units: each inode once. */
export async function measure(
  units: readonly Unit[],
  signal: AbortSignal | undefined,
): Promise<Measured> {
  const own = units.map(() => 0);
  const shared = new Map<string, SharedFile>();
  const skips = skipsOf(units);
  let end = performance.now() + SLICE;
  for (const [at, { path }] of units.entries()) {
    for (const inode of inodesAt(path, skips.get(path))) {
      if (inode !== null) count(own, shared, at, inode);
      if (performance.now() < end) continue;
      await sleep(0, signal);
      end = performance.now() + SLICE;
    }
  }
  return { own, shared };
}

function count(
  own: number[],
  shared: Map<string, SharedFile>,
  at: number,
  { isDirectory, bytes, nlink, key }: InodeUse,
): void {
  if (isDirectory || nlink <= 1) {
    own[at] = (own[at] ?? 0) + bytes;
    return;
  }
  const file = shared.get(key) ?? { bytes, nlink, names: new Map<number, number>() };
  shared.set(key, file);
  file.names.set(at, (file.names.get(at) ?? 0) + 1);
}

/** The paths of units below those of other units, by the path of the upper unit. */
function skipsOf(units: readonly Unit[]): Map<string, Set<string>> {
  const paths = new Set(units.map(({ path }) => path));
  const skips = new Map<string, Set<string>>();
  for (const { path } of units) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const above = path.slice(0, at);
      if (!paths.has(above)) continue;
      const skip = skips.get(above) ?? new Set();
      skips.set(above, skip.add(path));
      // What is below a skipped path is skipped with it.
      break;
    }
  }
  return skips;
}
