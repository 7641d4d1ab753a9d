import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  CWD,
  type Fd,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  removeTree,
  syncFileSystem,
} from "../linux/mod.ts";
import type { Job, Pool } from "../pool/mod.ts";
import type { Owner } from "./copy_attributes.ts";
import { copyDirectory, copyName } from "./copy_directory.ts";
import { runSyncJob } from "./run_sync_job.ts";
import { directoryUsage, type Usage } from "./usage.ts";

/** What {@linkcode copyJob} copies. */
export interface CopyJobInput {
  readonly from: Fd;
  /** An empty directory. */
  readonly to: Fd;
  /** Whether to copy the extended attributes of overlayfs, too. */
  readonly keepsOverlays: boolean;
  /** The only name that is copied; absent: everything. */
  readonly name?: ByteString | undefined;
  /** The owner of everything that is copied, in place of its own. */
  readonly owner?: Owner | undefined;
  /** Whether to refuse devices that are whiteouts of overlayfs. */
  readonly refusesWhiteouts?: boolean | undefined;
}

/**
 * Copies a directory into an empty directory. Threads share file descriptors, so a job can take
 * them.
 */
export const copyJob: Job<CopyJobInput, null> = {
  name: "copy",
  entry: "extract",
  run: ({ from, to, name, ...rules }, { signal, throwIfAborted }) =>
    runSyncJob(signal, () => {
      const options = { checkpoint: throwIfAborted, ...rules };
      if (name === undefined) copyDirectory(from, to, options);
      else copyName(from, name, to, options);
      return null;
    }),
};

/** Measures the disk use of a directory. */
export const usageJob: Job<Fd, Usage> = {
  name: "usage",
  entry: "extract",
  run: (directory, { signal, throwIfAborted }) =>
    runSyncJob(signal, () => directoryUsage(directory, throwIfAborted)),
};

/** A name and everything below it, to be removed. */
export interface RemoveJobInput {
  /** The directory that has the name; all threads share the descriptor. */
  readonly parent: Fd;
  /** One name in it. */
  readonly name: ByteString;
}

/** Removes a name and everything below it; it is no error when the name is missing. */
export const removeJob: Job<RemoveJobInput, null> = {
  name: "remove",
  entry: "extract",
  run: ({ parent, name }, { signal, throwIfAborted }) =>
    runSyncJob(signal, () => (removeTree(parent, name, throwIfAborted), null)),
};

/** Syncs the file system of a directory to the disk. */
export const syncJob: Job<Fd, null> = {
  name: "sync",
  entry: "extract",
  run: (directory, { signal }) => runSyncJob(signal, () => (syncFileSystem(directory), null)),
};

/** Copies a directory in a worker. */
export async function copyInPool(
  pool: Pool,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await copyWith(pool, from, to, false, signal);
}

/** Copies a directory in a worker, with the extended attributes that overlayfs made in it. */
export async function copyWholeInPool(
  pool: Pool,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await copyWith(pool, from, to, true, signal);
}

async function copyWith(
  pool: Pool,
  from: string,
  to: string,
  keepsOverlays: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  using source = openDirectory(from);
  using target = openDirectory(to);
  await pool.run(copyJob, { from: source.fd, to: target.fd, keepsOverlays }, { signal });
}

/** Measures the disk use of a directory in a worker. */
export async function usageInPool(pool: Pool, path: string): Promise<Usage> {
  using directory = openDirectory(path);
  return await pool.run(usageJob, directory.fd);
}

/** Syncs the file system of a directory in a worker, because it can take long. */
export async function syncInPool(pool: Pool, path: string): Promise<void> {
  using directory = openDirectory(path);
  await pool.run(syncJob, directory.fd);
}

function openDirectory(path: string): OwnedFd {
  return ownFd(openDirectoryAt(CWD, fromText(path)));
}
