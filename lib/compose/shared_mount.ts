/**
 * The shared mount of a composed image: a directory below `mounts/` at which the image is mounted
 * once, as the lower of every snapshot of its chain.
 *
 * The kernel's mountinfo decides what is mounted. A mount that exists is used. A mount that is gone after a reboot or a
 * kill is made again. A trim ends shared mounts: see `lower_trim_lock.ts`.
 */
import { type ByteString, fromText } from "../bytes/mod.ts";
import { sha256Hex } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  fileErrno,
  fileSystemOf,
  findMount,
  isErrno,
  type Mount,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  performUnmount,
  readMountInfo,
  sleep,
  statAt,
  tryStatAt,
} from "../linux/mod.ts";
import { LAYER_FILES, ROOT_FILES } from "../store/internal.ts";
import type { DiskStore } from "../store/mod.ts";
import type { ComposedChain } from "./compose_chain.ts";
import { IMAGE } from "./contract.ts";
import { findImageInfo, verifyImage } from "./image_info.ts";
import { mountImageFile, type MountImageFileOptions } from "./mount_image_file.ts";

/** Names of shared mounts in `mounts/`. Older versions of varve did not add the hash. */
const SHARED_MOUNT = /^erofs-[1-9][0-9]*(?:-[0-9a-f]+)?$/;

/** Number of hexadecimal digits of a hash in the name of a shared mount. */
const HASH = 16;

/**
 * Number of attempts to lock a mount point, and milliseconds between two attempts. Another process mounts in
 * milliseconds.
 */
const TRIES = 2000, PAUSE = 5;

/** Warning for an image that is mounted through loop devices. */
const LOOPS =
  "images are mounted through loop devices here: to mount them as files needs Linux 6.12 and a store on a disk's file system";

/** Options of {@linkcode mountShared}. */
export interface SharedMountOptions extends MountImageFileOptions {
  /** Read files without filling the page cache of the layers' tars (Linux 6.13). Default: false. */
  readonly directIo?: boolean | undefined;
  /** Called with a message when the image is mounted through loop devices. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Name of an image's mount point, in `mounts/`. It contains the inode of the image file. So chains that share a file
 * share its mount, and an image that is composed again has a new mount point. It also contains a hash of the inodes of
 * the layer tars: a mount goes on showing the tar that it was made of, so a layer that is repaired, whose tar is a new
 * file, gives a new mount point. The kernel keeps the inodes of a mount, so their numbers are not used again meanwhile.
 */
function mountName({ directories }: DiskStore, { image, inode }: MountedFiles): string {
  const inodes = image.devices.map((diffId) =>
    statAt(CWD, fromText(`${directories.layer(diffId)}/${LAYER_FILES.tar}`)).inode
  );
  const tars = sha256Hex(new TextEncoder().encode(inodes.join(" ")));
  return `erofs-${inode}-${tars.slice(0, HASH)}`;
}

/** What the name of a mount point depends on. */
type MountedFiles = Pick<ComposedChain, "image" | "inode">;

/**
 * Name of the mount point of a composed image, in `mounts/`; `undefined` when there is no image, or a tar is missing.
 *
 * @param composed directory of the composed image
 */
export function sharedMountName(store: DiskStore, composed: string): string | undefined {
  const image = findImageInfo(composed);
  if (image === undefined) return undefined;
  return unlessRefused(() => {
    const { inode } = statAt(CWD, fromText(`${composed}/${IMAGE}`));
    return mountName(store, { image, inode });
  })[0];
}

/** The mount of a composed image, as a value. */
function composedMount(store: DiskStore, chain: ComposedChain, options: SharedMountOptions): Mount {
  return {
    type: "erofs",
    source: fromText(`${chain.directory}/${IMAGE}`),
    options: [
      "ro",
      ...chain.image.devices.map((diffId) =>
        `device=${fromText(store.directories.layerTar(diffId))}`
      ),
      ...(options.directIo ? ["directio"] : []),
    ],
  };
}

/**
 * Mounts a composed image at its mount point. Idempotent: a mount that exists is used. Otherwise the bytes of the image
 * are verified first.
 *
 * @returns the mount point, an absolute path
 * @throws {VarveError} `E_DAMAGE` the image is damaged, or a layer's tar is missing, which is noted · `E_UNSUPPORTED`, `E_SYSCALL` the kernel does not mount it · `E_BUSY` another process has been
 * mounting it for a long time
 */
export async function mountShared(
  store: DiskStore,
  chain: ComposedChain,
  options: SharedMountOptions = {},
  signal?: AbortSignal,
): Promise<ByteString> {
  // First, because it refuses a layer whose tar is missing.
  const mount = composedMount(store, chain, options);
  const path = `${store.directories.mounts}/${mountName(store, chain)}`;
  const target = fromText(path);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (isMounted(target)) return target;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    using lock = tryLock(path);
    if (lock === null) {
      await sleep(PAUSE, signal);
      continue;
    }
    // The process that had the lock before may have mounted the image, or removed the directory.
    if (isMounted(target)) return target;
    if (tryStatAt(CWD, target)?.type !== "directory") continue;
    // An image that was composed just now was hashed while it was written.
    if (!chain.isNew) await verifyImage(chain.directory, chain.image);
    const by = mountImageFile(mount, target, options);
    if (by === "loop devices") options.onWarning?.(LOOPS);
    return target;
  }
  throw new VarveError("E_BUSY", `Cannot mount ${path}: another process is mounting it`, {
    subject: path,
  });
}

/**
 * Unmounts the shared mounts that nothing needs any more. An overlay or bind that still uses such a mount is not
 * disturbed: the kernel keeps the file system alive.
 *
 * @param needed returns the directories of the composed images that stay mounted; called only if something is mounted
 */
export function trimSharedMounts(store: DiskStore, needed: () => readonly string[]): void {
  const { mounts } = store.directories;
  const names = sharedMountsIn(mounts);
  if (names.length === 0) return;
  const kept = new Set(needed().map((composed) => sharedMountName(store, composed)));
  for (const name of names) {
    const path = `${mounts}/${name}`;
    if (kept.has(name)) continue;
    // A mount that is in use, as a working directory for instance, ends with a later trim.
    unlessRefused(() => performUnmount(fromText(path)));
    unlessRefused(() => removePoint(store, name));
  }
}

/**
 * Removes a directory where nothing is mounted any more. In a store that was copied while an image was mounted, it holds
 * the files of the image: then it goes to the trash. The kernel renames no directory where something is mounted.
 */
function removePoint({ root, directories }: DiskStore, name: string): void {
  const path = `${directories.mounts}/${name}`;
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (fileErrno(error) !== "ENOTEMPTY") throw error;
    Deno.renameSync(path, `${root}/${ROOT_FILES.trash}/${name}.${crypto.randomUUID()}`);
  }
}

/** Whether a store has shared mounts, of any image. @param mounts the store's `mounts/` */
export function hasSharedMounts(mounts: string): boolean {
  return sharedMountsIn(mounts).length > 0;
}

function sharedMountsIn(mounts: string): string[] {
  return [...Deno.readDirSync(mounts)].map(({ name }) => name).filter((name) =>
    SHARED_MOUNT.test(name)
  );
}

/**
 * Returns the result of a call in an array. The array is empty if the kernel refuses the call, or a layer is not in the
 * store any more.
 */
function unlessRefused<T>(call: () => T): T[] {
  try {
    return [call()];
  } catch (error) {
    const isGone = error instanceof VarveError && error.code === "E_NOT_FOUND";
    if (fileErrno(error) === undefined && !isGone) throw error;
    return [];
  }
}

/**
 * Whether an image is mounted at a mount point. It asks for this path only: mountinfo lists all mounts of a machine with
 * many containers.
 */
function isMounted(target: ByteString): boolean {
  const found = tryStatAt(CWD, target);
  if (found === undefined) return false;
  // Before Linux 5.8 statx(2) did not say the mount.
  if (found.mount === 0n) return findMount(readMountInfo(), target)?.type === "erofs";
  const parent = target.slice(0, target.lastIndexOf("/")) as ByteString;
  if (found.mount === statAt(CWD, parent).mount) return false;
  using directory = ownFd(openDirectoryAt(CWD, target));
  return fileSystemOf(directory.fd).type === "erofs";
}

function tryLock(path: string): OwnedFd | null {
  try {
    const directory = ownFd(openDirectoryAt(CWD, fromText(path)));
    if (directory.lock("exclusive")) return directory;
    directory[Symbol.dispose]();
    return null;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
}
