import { fromText } from "../../bytes/mod.ts";
import { createHasher, type DiffId, type Digest } from "../../digest/mod.ts";
import { CWD, isSupported, readKernelFile, statAt, uniqueMountIdOf } from "../../linux/mod.ts";
import { type Disk, putState, setState, stateOf } from "./context.ts";
import { hasSize } from "./damage.ts";
import type { BlobRow, LayerRow } from "./database/records.ts";
import { LAYER_FILES } from "./names.ts";
import type { Paths } from "./paths.ts";

/**
 * Keys of the state: the last commit whose files a start without syncs has looked at, and the mount in which they were.
 */
const CHECKED = "checked", CHECKED_IN = "checked_in";

/**
 * Checks the commits since the last barrier: whether each file exists and has the size that its row
 * says. A layer or blob that fails is noted as damaged, and the next ingest that brings it repairs
 * it. The content is not read; only a deep check does that.
 *
 * The barrier is the last commit that is known to be on the disk. Without syncs it does not move. Then a commit is
 * checked once in each mount of the file system: what was there stays there until the file system is gone, by a loss of
 * power or otherwise.
 *
 * @param isClean whether all processes ended well; else all commits since the barrier are checked
 */
export async function recheck(disk: Disk, isClean: boolean): Promise<void> {
  const { db, paths } = disk;
  const full = disk.syncer.durability === "full";
  const mount = full ? undefined : mountOf(paths);
  const isSame = isClean && mount !== undefined && stateOf(db, CHECKED_IN) === mount;
  const barrier = Math.max(stateOf(db, "barrier"), isSame ? stateOf(db, CHECKED) : 0);
  const seq = stateOf(db, "seq");
  const whole = new Set<string>([paths.layers, paths.blobs]);
  const damagedLayers: DiffId[] = [];
  const damagedBlobs: Digest[] = [];
  for (const row of db.all<LayerRow>("SELECT * FROM layer WHERE seq > ?", barrier)) {
    const directory = paths.layer(row.cache_id);
    const tar = `${directory}/${LAYER_FILES.tar}`;
    const tree = `${directory}/${LAYER_FILES.tree}`;
    if (hasSize(tar, row.size) && hasSize(tree, row.tree_size)) {
      for (const path of [tar, tree, directory]) whole.add(path);
    } else damagedLayers.push(row.diff_id as DiffId);
  }
  for (const row of db.all<BlobRow>("SELECT * FROM blob WHERE seq > ?", barrier)) {
    const path = paths.blob(row.digest as Digest);
    if (hasSize(path, row.size)) whole.add(path).add(paths.blobDirectory(row.digest as Digest));
    else damagedBlobs.push(row.digest as Digest);
  }
  if (full && stateOf(db, "unsynced") === 1) await disk.syncer.each([...whole]);
  const isNew = mount !== undefined && !(isSame && barrier === seq);
  if (damagedLayers.length + damagedBlobs.length === 0 && !full && !isNew) return;
  db.transact(() => {
    for (const diffId of damagedLayers) {
      db.run("UPDATE layer SET verified_at = 0 WHERE diff_id = ?", diffId);
    }
    for (const digest of damagedBlobs) {
      db.run("UPDATE blob SET verified_at = 0 WHERE digest = ?", digest);
    }
    if (mount !== undefined) {
      putState(db, CHECKED, seq);
      putState(db, CHECKED_IN, mount);
    }
    if (!full || stateOf(db, "seq") !== seq) return;
    setState(db, "barrier", seq);
    setState(db, "unsynced", 0);
  });
}

/**
 * A number that stands for the mount of the file system that holds a store, and for the store's directory in it: another
 * boot, another mount and a copy of the store have other ones. `undefined` where the kernel gives the same id to
 * several mounts, or cannot be asked.
 */
function mountOf({ root }: Paths): number | undefined {
  if (!isSupported()) return undefined;
  const path = fromText(root);
  const mount = uniqueMountIdOf(path);
  const boot = readKernelFile("/proc/sys/kernel/random/boot_id");
  if (mount === undefined || boot === undefined) return undefined;
  const { device, inode } = statAt(CWD, path);
  const hasher = createHasher("sha256");
  hasher.update(new TextEncoder().encode(`${boot.trim()} ${mount} ${device} ${inode}`));
  return Number.parseInt(hasher.digest().slice("sha256:".length, "sha256:".length + 13), 16);
}

/**
 * Moves the barrier at a clean end, so that the next start does not check commits that were made
 * with syncs.
 */
export function moveBarrier(disk: Disk): void {
  const { db } = disk;
  db.transact(() => {
    if (stateOf(db, "unsynced") === 0) setState(db, "barrier", stateOf(db, "seq"));
  });
}
