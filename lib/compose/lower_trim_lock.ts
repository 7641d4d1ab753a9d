/**
 * When shared lowers may be unmounted: while nobody makes a snapshot, whose row, which says that it
 * needs them, comes last. A lower that went in between would be an empty directory: a wrong file
 * system, without any error.
 *
 * Nobody waits for that. Who removes a snapshot asks for a trim, by a file in `mounts/`; who finds
 * nobody else at work does it, at the latest the last that made a snapshot meanwhile.
 */
import { fromText } from "../bytes/mod.ts";
import { CWD, openDirectoryAt, type OwnedFd, ownFd, pauseThread } from "../linux/mod.ts";
import { hasLowers } from "./shared_mount.ts";

const ASKED = "trim";

/** Keeps all processes from unmounting lowers while a snapshot is made. */
export function holdLowers(mounts: string): OwnedFd {
  const directory = open(mounts);
  // A trim takes moments, and this lock never waits: a busy one is asked for again.
  while (!directory.lock("shared")) pauseThread(1);
  return directory;
}

/** Has lowers unmounted that may not be needed any more, by whoever looks next. */
export function askForTrim(mounts: string): void {
  if (hasLowers(mounts)) Deno.writeTextFileSync(`${mounts}/${ASKED}`, "");
}

/** Trims now, or leaves it to those who are making snapshots. */
export function trimAlone(mounts: string, trim: () => void): void {
  askForTrim(mounts);
  trimIfAsked(mounts, trim);
}

/** Does what was asked for, unless somebody is making a snapshot: he comes by here when he is done. */
export function trimIfAsked(mounts: string, trim: () => void): void {
  while (isAsked(mounts)) {
    using directory = open(mounts);
    if (!directory.lock("exclusive")) return;
    // First the file: what is asked for from here on is not yet seen by this trim.
    removeAsked(mounts);
    trim();
  }
}

function isAsked(mounts: string): boolean {
  try {
    return Deno.lstatSync(`${mounts}/${ASKED}`).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeAsked(mounts: string): void {
  try {
    Deno.removeSync(`${mounts}/${ASKED}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function open(mounts: string): OwnedFd {
  return ownFd(openDirectoryAt(CWD, fromText(mounts)));
}
