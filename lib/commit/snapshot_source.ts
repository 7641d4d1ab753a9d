import { fromText } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import {
  type LeftOut,
  readLeftOut,
  readStubs,
  type ScanForm,
  type Stub,
} from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { CWD, isErrno, openDirectoryAt, type OwnedFd, ownFd } from "../linux/mod.ts";
import { ancestors, quoteKey, stackOf, statRow } from "../snapshot/internal.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
import type { Directories, SnapshotRow, Snapshots, Store } from "../store/mod.ts";

/**
 * The parts of a snapshot. Layers of the store are at the bottom. On top of them are the directories of its committed
 * ancestors, and its own directory.
 */
export interface SnapshotSource {
  /** The row of the snapshot in the store. */
  readonly row: SnapshotRow;
  /** DiffIDs of the layers, lowest first. */
  readonly layers: readonly DiffId[];
  /** Cache ids of the directories, lowest first. The snapshot's own directory is last. */
  readonly directories: readonly number[];
  /** Whether the topmost directory belongs to the snapshot itself, so that files in it can change. */
  readonly ownDirectory: boolean;
}

/**
 * Finds the parts of a snapshot.
 *
 * @param snapshots the rows among which the snapshot is; by default the user's own
 * @throws {VarveError} `E_NOT_FOUND`, `E_UNSUPPORTED` when a layer is on top of a snapshot directory
 */
export function sourceOf(
  store: Store,
  key: string,
  snapshots: Snapshots = store.snapshots,
): SnapshotSource {
  return snapshots.read((table) => {
    const row = statRow(table, key);
    const { directories, layers } = stackOf(ancestors(table, row.parent));
    const below = directories.toReversed();
    if (row.diffId !== null) {
      if (below.length > 0) throw layerOnDirectory(key);
      return { row, layers: [...layers, row.diffId], directories: [], ownDirectory: false };
    }
    const own = row.cacheId !== null && row.kind !== "view";
    return {
      row,
      layers,
      directories: row.cacheId === null ? below : [...below, row.cacheId],
      ownDirectory: own,
    };
  });
}

/** An open directory of a snapshot. */
export interface OpenSource extends Disposable {
  /** The directory with its files. */
  readonly root: OwnedFd["fd"];
  /** Whether it has all files (`plain`), or is the upper directory of an overlay. */
  readonly form: ScanForm;
  /** Empty files and directories that varve made as mount points. They are not part of the changes. */
  readonly stubs: readonly Stub[];
  /** Attributes that could not be set when the files were extracted; `null` when all were set. */
  readonly leftOut: LeftOut | null;
}

/** Opens a directory of a snapshot. @throws {VarveError} `E_DAMAGE` when it is gone */
export async function openSource(directories: Directories, cacheId: number): Promise<OpenSource> {
  const path = directories.snapshot(cacheId);
  const files = tryOpen(`${path}/${SNAPSHOT_FILES.files}`);
  if (files === undefined) {
    throw new VarveError("E_DAMAGE", `Cannot use snapshot directory ${path}: it is incomplete`);
  }
  const work = tryOpen(`${path}/${SNAPSHOT_FILES.work}`);
  work?.[Symbol.dispose]();
  try {
    return {
      root: files.fd,
      form: work === undefined ? "plain" : "overlay",
      // Stubs of an overlay are not in its upper directory.
      stubs: work === undefined ? await readStubs(path) : [],
      leftOut: work === undefined ? await readLeftOut(path) : null,
      [Symbol.dispose]: () => files[Symbol.dispose](),
    };
  } catch (error) {
    files[Symbol.dispose]();
    throw error;
  }
}

function tryOpen(path: string): OwnedFd | undefined {
  try {
    return ownFd(openDirectoryAt(CWD, fromText(path)));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function layerOnDirectory(key: string): VarveError {
  return new VarveError(
    "E_UNSUPPORTED",
    `Cannot use snapshot ${quoteKey(key)}: its layer is on top of a snapshot directory`,
  );
}
