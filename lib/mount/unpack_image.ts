import { type ByteString, fromText } from "../bytes/mod.ts";
import { extractInPool, syncJob } from "../directory/internal.ts";
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
import type { Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { DiskStore, Store, StoredImage } from "../store/mod.ts";
import { isWithin } from "./is_within.ts";
import { beginPartial, openUnpackTarget, type UnpackTarget } from "./unpack_target.ts";

/** Options of {@linkcode unpackImage}. */
export interface UnpackOptions {
  /** The disk store that holds the image. */
  readonly store: Store;
  /** Runs the extraction. */
  readonly pool: Pool;
  /** The image to unpack. */
  readonly image: StoredImage;
  /** Path of the new directory; it may exist if it is empty. */
  readonly target: string;
  /** How device nodes are made; `"keep"` by default. */
  readonly devices?: ExtractPolicy["devices"] | undefined;
  /** Aborts the extraction; the target stays as it was. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Unpacks an image as plain files. The directory appears complete or not at all: it is filled under
 * another name beside the target, then renamed.
 *
 * When the caller is not root, the caller owns all files. Devices and privileged attributes are then
 * left out, and the report counts them.
 *
 * @throws {VarveError} `E_USAGE` the target is in the store · `E_EXISTS` it is not an empty directory · `E_NOT_FOUND`
 * its parent is missing · `E_BUSY` another process unpacks there · `E_UNSUPPORTED` the store has no directories · as
 * `extractTree`
 *
 * @example
 * ```ts ignore
 * const report = await unpackImage({ store, pool, image, target: "rootfs" });
 * ```
 */
export async function unpackImage(options: UnpackOptions): Promise<ExtractReport> {
  const { pool, image, signal } = options;
  const store = requireDisk(options.store, "unpack");
  signal?.throwIfAborted();
  using target = openUnpackTarget(options.target);
  refuseStore(store, target);
  using partial = beginPartial(target);
  try {
    const report = await extractInPool({
      pool,
      store,
      diffIds: image.layers.map((layer) => layer.diffId),
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
    if (store.durability === "full") await pool.run(syncJob, partial.fd);
    signal?.throwIfAborted();
    renameToTarget(target, partial.name);
    if (store.durability === "full") fsyncFd(target.parent);
    return report;
  } catch (error) {
    removeQuietly(target, partial.name);
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

/**
 * Removes the partial directory. A failure of the removal is not reported, because the error that led here says more.
 * The next unpack removes what is left.
 */
function removeQuietly({ parent }: UnpackTarget, partial: ByteString): void {
  try {
    removeTree(parent, partial);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}
