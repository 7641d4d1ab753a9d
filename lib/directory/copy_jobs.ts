import { fromText } from "../bytes/mod.ts";
import {
  CWD,
  type Fd,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  syncFileSystem,
} from "../linux/mod.ts";
import type { Job, Pool } from "../pool/mod.ts";
import { copyDirectory } from "./copy_directory.ts";
import { directoryUsage, type Usage } from "./usage.ts";

/** Copies a directory into an empty one; threads share descriptors. */
export const copyJob: Job<{ readonly from: Fd; readonly to: Fd }, null> = {
  name: "copy",
  entry: "extract",
  run: ({ from, to }, { signal }) => later(signal, () => (copyDirectory(from, to), null)),
};

/** Measures a directory. */
export const usageJob: Job<Fd, Usage> = {
  name: "usage",
  entry: "extract",
  run: (directory, { signal }) => later(signal, () => directoryUsage(directory)),
};

/** Puts all that is in a directory on the disk. */
export const syncJob: Job<Fd, null> = {
  name: "sync",
  entry: "extract",
  run: (directory, { signal }) => later(signal, () => (syncFileSystem(directory), null)),
};

/** Copies a directory in a worker. */
export async function copyInPool(pool: Pool, from: string, to: string): Promise<void> {
  using source = openDirectory(from);
  using target = openDirectory(to);
  await pool.run(copyJob, { from: source.fd, to: target.fd });
}

/** Measures a directory in a worker. */
export async function usageInPool(pool: Pool, path: string): Promise<Usage> {
  using directory = openDirectory(path);
  return await pool.run(usageJob, directory.fd);
}

/** Syncs a directory in a worker: it may last. */
export async function syncInPool(pool: Pool, path: string): Promise<void> {
  using directory = openDirectory(path);
  await pool.run(syncJob, directory.fd);
}

function openDirectory(path: string): OwnedFd {
  return ownFd(openDirectoryAt(CWD, fromText(path)));
}

/** Handlers must not throw before they have returned their promise. */
async function later<T>(signal: AbortSignal, act: () => T): Promise<T> {
  await Promise.resolve();
  signal.throwIfAborted();
  return act();
}
