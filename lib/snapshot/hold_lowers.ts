import { fromText } from "../bytes/mod.ts";
import { CWD, lockFd, openDirectoryAt, type OwnedFd, ownFd } from "../linux/mod.ts";

/**
 * Keeps all processes from unmounting shared lowers while this one mounts some for a snapshot that has
 * no row yet. A lower that goes in between would be an empty directory: a wrong file system, without any error.
 */
export function holdLowers(mounts: string): OwnedFd {
  const directory = ownFd(openDirectoryAt(CWD, fromText(mounts)));
  // Whoever frees holds it for moments only, and this lock never waits: a busy one is asked for again.
  while (!lockFd(directory.fd, "shared")) {
    Atomics.wait(PAUSE, 0, 0, 1);
  }
  return directory;
}

/** The right to unmount lowers; `null` while somebody is mounting. */
export function tryToFreeLowers(mounts: string): OwnedFd | null {
  const directory = ownFd(openDirectoryAt(CWD, fromText(mounts)));
  if (lockFd(directory.fd, "exclusive")) return directory;
  directory[Symbol.dispose]();
  return null;
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
