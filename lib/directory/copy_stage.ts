/**
 * The stage of a copy into a snapshot that is mounted: a directory in the root of the snapshot, which holds the files
 * until each is moved to its place. A copy that is killed leaves it until the next one; no layer has it.
 */
import type { ByteString } from "../bytes/mod.ts";
import { type DirectoryEntry, type Fd, readDirectory } from "../linux/mod.ts";

const NAME = /^\.varve-copy-[0-9a-f]{16}$/;

/** A name for a new stage. */
export function newCopyStage(): ByteString {
  return `.varve-copy-${crypto.getRandomValues(new Uint8Array(8)).toHex()}` as ByteString;
}

/** The names of stages in the root of a snapshot. */
export function copyStages(root: Fd): ByteString[] {
  return [...readDirectory(root)].map(({ name }) => name).filter((name) => NAME.test(name));
}

/** What a directory of a snapshot holds, without stages. `path` is that of the directory, empty for the root. */
export function entriesWithoutStages(directory: Fd, path: ByteString): DirectoryEntry[] {
  const entries = [...readDirectory(directory)];
  return path === "" ? entries.filter(({ name }) => !NAME.test(name)) : entries;
}
