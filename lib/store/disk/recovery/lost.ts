import type { Disk } from "../context.ts";
import { markerIn } from "../markers/marker.ts";
import { MARKER, SNAPSHOT_FILES } from "../names.ts";
import { lstatOrNothing, makeDirectory, namesIn } from "../system.ts";

/** The names in a snapshot's directory that hold nothing of a user. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  MARKER,
  SNAPSHOT_FILES.work,
  SNAPSHOT_FILES.empty,
  SNAPSHOT_FILES.init,
  SNAPSHOT_FILES.stubs,
  SNAPSHOT_FILES.leftOut,
]);

/** Whether a snapshot's directory may hold files of a user: in its upper, or under a foreign name. So may any other file. */
export async function hasFiles(directory: string): Promise<boolean> {
  if (!(await Deno.lstat(directory)).isDirectory) return true;
  for (const name of await namesIn(directory)) {
    if (OWN_NAMES.has(name)) continue;
    if (name !== SNAPSHOT_FILES.files) return true;
    const files = `${directory}/${name}`;
    if (!(await lstatOrNothing(files))?.isDirectory) return true;
    if ((await namesIn(files)).length > 0) return true;
  }
  return false;
}

/**
 * Moves the directory of a snapshot that has files but no row into `lost/`, and warns. It may be the
 * only copy of what a user wrote.
 */
export async function keepLost(disk: Disk, cacheId: number): Promise<void> {
  const { paths, syncer, onWarning } = disk;
  const from = paths.snapshot(cacheId);
  const marker = await markerIn(from);
  await makeDirectory(paths.lost);
  await syncer.each([paths.root]);
  let name = `${cacheId}`;
  for (let n = 1; await lstatOrNothing(`${paths.lost}/${name}`) !== undefined; n++) {
    name = `${cacheId}.${n}`;
  }
  await Deno.rename(from, `${paths.lost}/${name}`);
  await syncer.each([paths.snapshots, paths.lost]);
  const key = marker?.kind === "snapshot" ? ` of ${JSON.stringify(marker.key)}` : "";
  onWarning?.(
    `The directory of a snapshot${key} has files, but the database does not know it. ` +
      `It is kept in ${paths.lost}/${name}: adopt directory ${name} to get it back`,
  );
}
