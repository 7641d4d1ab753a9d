import { type ByteString, escapeForTerminal, fromText } from "../bytes/mod.ts";
import { type PoolExtraction, removeJob, syncJob } from "../directory/internal.ts";
import type { ExtractReport } from "../directory/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  effectiveUser,
  fsyncFd,
  isErrno,
  procPath,
  readLinkAt,
  removeTree,
  renameAt,
  tryStatAt,
} from "../linux/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { isWithin } from "./is_within.ts";
import type { UnpackOptions } from "./unpack_options.ts";
import {
  beginPartial,
  openUnpackTarget,
  type PartialDirectory,
  type UnpackTarget,
} from "./unpack_target.ts";

/** Milliseconds for which an aborted unpack waits for the removal of what it has written. */
const MOMENT = 150;

/** What an extraction gets besides what it extracts. */
export type UnpackWork = Pick<
  PoolExtraction,
  "pool" | "target" | "policy" | "signal" | "onProgress"
>;

/**
 * Extracts files to a path. They appear there complete or not at all: they are extracted under another name beside it,
 * then renamed.
 *
 * @param entry the name of what is extracted that becomes the target; `undefined`: all of it
 * @throws {VarveError} as `unpackImage`
 */
export async function unpackWith(
  disk: DiskStore,
  path: string,
  options: Omit<UnpackOptions, "platform" | "host">,
  entry: ByteString | undefined,
  extract: (work: UnpackWork) => Promise<ExtractReport>,
): Promise<ExtractReport> {
  const { signal } = options;
  signal?.throwIfAborted();
  await using stack = new AsyncDisposableStack();
  const pool = options.pool ?? stack.use(createPool());
  const target = stack.use(openUnpackTarget(path));
  refuseStore(disk, target);
  const partial = stack.use(beginPartial(target));
  let syncing: Promise<unknown> = Promise.resolve();
  try {
    const report = await extract({
      pool,
      target: partial.fd,
      policy: {
        whiteouts: "none",
        owners: effectiveUser() === 0 ? "keep" : "caller",
        devices: options.devices ?? "keep",
      },
      signal,
      onProgress: options.onProgress,
    });
    if (disk.durability === "full") {
      syncing = pool.run(syncJob, partial.fd);
      // A sync cannot be interrupted.
      await untilAborted(syncing, signal);
    }
    signal?.throwIfAborted();
    renameToTarget(target, partial, entry);
    if (entry !== undefined) removeTree(target.parent, partial.name);
    if (disk.durability === "full") fsyncFd(target.parent);
    return report;
  } catch (error) {
    const path = pathOf(target, partial.name);
    const removed = removeQuietly(pool, target, partial.name, syncing, stack.move());
    if (signal?.aborted !== true) await removed;
    else if (!await settlesWithin(removed, MOMENT)) options.onRemains?.({ path, removed });
    throw error;
  }
}

/** Refuses a target inside the store, because files that are not the store's would look like damage. */
function refuseStore({ root }: DiskStore, { parent, shown }: UnpackTarget): void {
  const realParent = readLinkAt(CWD, procPath(parent));
  if (!isWithin(realParent, fromText(Deno.realPathSync(root)))) return;
  throw new VarveError("E_USAGE", `Cannot unpack to ${shown}: it would lie in the store ${root}`, {
    subject: shown,
  });
}

function renameToTarget(
  { parent, name, shown }: UnpackTarget,
  partial: PartialDirectory,
  entry: ByteString | undefined,
): void {
  try {
    if (entry === undefined) renameAt(parent, partial.name, parent, name);
    else {
      // A directory may replace an empty one. Nothing else replaces anything.
      const isDirectory = tryStatAt(partial.fd, entry)?.type === "directory";
      renameAt(partial.fd, entry, parent, name, isDirectory ? "replace" : "exclusive");
    }
  } catch (error) {
    if (isErrno(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) {
      throw new VarveError("E_EXISTS", `Cannot unpack to ${shown}: it was filled meanwhile`, {
        subject: shown,
      });
    }
    if (isErrno(error, "EBUSY")) {
      throw new VarveError("E_BUSY", `Cannot unpack to ${shown}: it is a mount point`, {
        subject: shown,
      });
    }
    throw error;
  }
}

/** Waits for work, but no longer than until the signal aborts. @throws the signal's reason */
async function untilAborted(
  work: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Whether work ends within some milliseconds. */
async function settlesWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Path of the partial directory, absolute, for the user. */
function pathOf({ parent }: UnpackTarget, partial: ByteString): string {
  return escapeForTerminal(`${readLinkAt(CWD, procPath(parent))}/${partial}` as ByteString);
}

/**
 * Removes the partial directory in a worker, since this can take long, and then disposes what `open`
 * holds: its lock and descriptors. A failure is not reported, because the first failure says more; the
 * next unpack removes what is left.
 */
async function removeQuietly(
  pool: Pool,
  { parent }: UnpackTarget,
  name: ByteString,
  syncing: Promise<unknown>,
  open: AsyncDisposable,
): Promise<void> {
  await using _ = open;
  // Until the sync ends, it uses the descriptors too.
  await syncing.catch(() => {});
  try {
    await pool.run(removeJob, { parent, name });
  } catch (error) {
    // Remove it on this thread only if no worker can: the pool was disposed before, or its worker died.
    if (!(error instanceof TypeError || isDeath(error))) return;
    try {
      removeTree(parent, name);
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
    }
  }
}

function isDeath(error: unknown): boolean {
  return error instanceof VarveError && error.code === "E_WORKER";
}
