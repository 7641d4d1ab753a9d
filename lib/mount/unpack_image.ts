import { type ByteString, escapeForTerminal, fromText } from "../bytes/mod.ts";
import { extractInPool, removeJob, syncJob } from "../directory/internal.ts";
import type { ExtractPolicy, ExtractReport } from "../directory/mod.ts";
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
} from "../linux/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import {
  type DiskStore,
  type ImageArgument,
  type PlatformChoice,
  readImage,
  type Store,
} from "../store/mod.ts";
import { isWithin } from "./is_within.ts";
import { beginPartial, openUnpackTarget, type UnpackTarget } from "./unpack_target.ts";

/** Options of {@linkcode unpackImage}. */
export interface UnpackOptions extends PlatformChoice {
  /** Runs the extraction. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** How device nodes are made; `"keep"` by default. */
  readonly devices?: ExtractPolicy["devices"] | undefined;
  /**
   * Aborts the extraction; the target stays as it was. The promise rejects within a moment; what was
   * written is removed by the pool, which may take longer: see {@linkcode onRemains}.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called when the unpack was aborted and what it wrote is not removed within a moment. */
  readonly onRemains?: ((remains: UnpackRemains) => void) | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What an aborted unpack has written, while it is being removed. */
export interface UnpackRemains {
  /** Path of the directory, beside the target. */
  readonly path: string;
  /**
   * Resolves when the directory is removed, or when it cannot be removed. A worker of the pool removes
   * it. If the caller disposes its own pool before that, the rest stays until the next unpack to the
   * same target removes it.
   */
  readonly removed: Promise<void>;
}

/** Milliseconds for which an aborted unpack waits for the removal of what it has written. */
const MOMENT = 150;

/**
 * Unpacks an image as plain files. The directory appears complete or not at all: it is filled under
 * another name beside the target, then renamed.
 *
 * When the caller is not root, the caller owns all files. Devices and privileged attributes are then
 * left out, and the report counts them.
 *
 * @throws {VarveError} `E_USAGE` the target is in the store · `E_EXISTS` it is not an empty directory · `E_NOT_FOUND`
 * its parent is missing · `E_BUSY` another process unpacks there · `E_UNSUPPORTED` the store has no directories ·
 * `E_XDEV` something is mounted inside the target · `E_PATH_ESCAPE` a directory was swapped meanwhile · `E_TYPE` a
 * device, if `devices` says so · `E_MISSING`, `E_DAMAGE` a layer is incomplete · `E_DIGEST` bytes of a layer are
 * damaged; this is noted · `E_SYSCALL`
 *
 * @example
 * ```ts ignore
 * const report = await unpackImage(store, "app:1", "rootfs");
 * ```
 */
export async function unpackImage(
  store: Store,
  image: ImageArgument,
  path: string,
  options: UnpackOptions = {},
): Promise<ExtractReport> {
  const { signal } = options;
  const disk = requireDisk(store, "unpack");
  signal?.throwIfAborted();
  const { layers } = await readImage(disk, image, options);
  await using stack = new AsyncDisposableStack();
  const pool = options.pool ?? stack.use(createPool());
  const target = stack.use(openUnpackTarget(path));
  refuseStore(disk, target);
  const partial = stack.use(beginPartial(target));
  let syncing: Promise<unknown> = Promise.resolve();
  try {
    const report = await extractInPool({
      pool,
      store: disk,
      diffIds: layers.map((layer) => layer.diffId),
      form: "root",
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
    renameToTarget(target, partial.name);
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

function renameToTarget({ parent, name, shown }: UnpackTarget, partial: ByteString): void {
  try {
    renameAt(parent, partial, parent, name);
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
