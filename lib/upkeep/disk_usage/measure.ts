import { inTurns } from "../../pool/internal.ts";
import { inodesAt, type InodeUse } from "../../store/internal.ts";
import type { Unit } from "./units.ts";

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
  await inTurns(countAll(units, own, shared), signal);
  return { own, shared };
}

function* countAll(
  units: readonly Unit[],
  own: number[],
  shared: Map<string, SharedFile>,
): Generator<void, void> {
  const skips = skipsOf(units);
  for (const [at, { path }] of units.entries()) {
    for (const inode of inodesAt(path, skips.get(path))) {
      if (inode !== null) count(own, shared, at, inode);
      yield;
    }
  }
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
