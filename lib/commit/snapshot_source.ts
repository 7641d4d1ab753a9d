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
import { ancestors, statRow } from "../snapshot/internal.ts";
import type { Ancestor } from "../snapshot/mod.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
import type { Directories, SnapshotRow, Snapshots, Store } from "../store/mod.ts";

/**
 * The parts of a snapshot. Layers of the store are at the bottom. On top of them are the directories of its committed
 * ancestors, perhaps with more layers between them, and its own directory.
 */
export interface SnapshotSource {
  /** The row of the snapshot in the store. */
  readonly row: SnapshotRow;
  /** DiffIDs of the layers at the bottom, lowest first. */
  readonly layers: readonly DiffId[];
  /** What is above these layers, lowest first. The first is a directory. The snapshot's own directory or layer is last. */
  readonly above: readonly Ancestor[];
  /** Whether the topmost directory belongs to the snapshot itself, so that files in it can change. */
  readonly ownDirectory: boolean;
}

/**
 * Finds the parts of a snapshot.
 *
 * @param snapshots the rows among which the snapshot is; by default the user's own
 * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` the parents do not form a chain
 */
export function sourceOf(
  store: Store,
  key: string,
  snapshots: Snapshots = store.snapshots,
): SnapshotSource {
  return snapshots.read((table) => {
    const row = statRow(table, key);
    const parts = ancestors(table, row.parent).reverse();
    if (row.diffId !== null) parts.push({ kind: "layer", diffId: row.diffId });
    else if (row.cacheId !== null) parts.push({ kind: "directory", cacheId: row.cacheId });
    const firstDirectory = parts.findIndex(({ kind }) => kind === "directory");
    const bottom = firstDirectory < 0 ? parts : parts.slice(0, firstDirectory);
    return {
      row,
      layers: bottom.flatMap((part) => part.kind === "layer" ? [part.diffId] : []),
      above: parts.slice(bottom.length),
      ownDirectory: row.diffId === null && row.cacheId !== null && row.kind !== "view",
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
