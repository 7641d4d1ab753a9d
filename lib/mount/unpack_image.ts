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
import type { Store, StoredImage } from "../store/mod.ts";
import { isWithin } from "./mount_target.ts";
import { beginPartial, openUnpackTarget, type UnpackTarget } from "./unpack_target.ts";

/** What {@linkcode unpackImage} needs. */
export interface UnpackOptions {
  /** A disk store. */
  readonly store: Store;
  /** Extracts. */
  readonly pool: Pool;
  /** The image. */
  readonly image: StoredImage;
  /** A directory that does not exist, or is empty. */
  readonly target: string;
  /** What becomes of device nodes. */
  readonly devices?: ExtractPolicy["devices"] | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Unpacks an image as plain files. The directory appears complete, or not at all:
 * it is made beside its place and renamed.
 *
 * Not root, the caller owns all files; devices and privileged attributes are left
 * out and counted in the report.
 *
 * @throws {VarveError} `E_USAGE` the target is in the store · `E_EXISTS` it is not an empty directory · `E_NOT_FOUND` its parent is missing · `E_BUSY`
 * another process unpacks there · `E_UNSUPPORTED` the store has no directories · as `extractTree`
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
    place(target, partial.name);
    if (store.durability === "full") fsyncFd(target.parent);
    return report;
  } catch (error) {
    removeQuietly(target, partial.name);
    throw error;
  }
}

/** What is no part of a store does not belong into it. */
function refuseStore({ root }: Store, { parent, shown }: UnpackTarget): void {
  if (root === null) return;
  const place = readLinkAt(CWD, procPath(parent));
  if (!isWithin(place, fromText(Deno.realPathSync(root)))) return;
  throw new VarveError("E_USAGE", `Cannot unpack to ${shown}: it would lie in the store ${root}`, {
    subject: shown,
  });
}

function place({ parent, name, shown }: UnpackTarget, partial: ByteString): void {
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

/** The failure that led here says more than one of the removal; the next unpack removes what is left. */
function removeQuietly({ parent }: UnpackTarget, partial: ByteString): void {
  try {
    removeTree(parent, partial);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}
