import { type ByteString, fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  fileErrno,
  findMount,
  isErrno,
  type Mount,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  performUnmount,
  readMountInfo,
  statAt,
} from "../linux/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import type { ComposedChain } from "./compose_chain.ts";
import { IMAGE } from "./contract.ts";
import { mountImageFile, type MountImageFileOptions } from "./mount_image_file.ts";

/**
 * Directory in `mounts/` at which an image is mounted. Named by the number of its file: chains that
 * share an image share its mount, and an image that is made again, after damage, has a new one.
 */
function lowerOf(store: DiskStore, composed: string): string {
  const { inode } = statAt(CWD, fromText(`${composed}/${IMAGE}`));
  return `${store.directories.mounts}/erofs-${inode}`;
}

/** Which directories of `mounts/` are lowers. */
const LOWER = /^erofs-[1-9][0-9]*$/;
/** Turns of a wait for another process that mounts the same image, which takes milliseconds. */
const TURNS = 2000;
const TURN = 5;

/** What the user is told when files are not mounted as files. */
const LOOPS =
  "images are mounted through loop devices here: files need Linux 6.12 and a store on a file system of a disk";

/** How an image is mounted. */
export interface LowerOptions extends MountImageFileOptions {
  /** Read files past the page cache of the layers' tars (Linux 6.13). */
  readonly directIo?: boolean | undefined;
  /** Told when it is mounted in another way than wanted. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** The mount of a composed image, as a value. */
function composedMount(store: DiskStore, chain: ComposedChain, options: LowerOptions): Mount {
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
 * Mounts a composed image below `mounts/`, where all snapshots of its chain share it. What
 * mountinfo says is the truth: a mount that is there already is used.
 *
 * @returns the directory
 * @throws {VarveError} `E_UNSUPPORTED`, `E_SYSCALL` when the kernel does not mount it · `E_BUSY`
 */
export async function mountLower(
  store: DiskStore,
  chain: ComposedChain,
  options: LowerOptions = {},
): Promise<ByteString> {
  const path = lowerOf(store, chain.directory);
  const target = fromText(path);
  for (let turn = 0; turn < TURNS; turn++) {
    if (isMounted(target)) return target;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    using lock = tryLock(path);
    if (lock === null) {
      await new Promise((resolve) => setTimeout(resolve, TURN));
      continue;
    }
    // Whoever had the lock before may have mounted it, or removed the directory.
    if (isMounted(target)) return target;
    if (!await exists(path)) continue;
    const by = mountImageFile(composedMount(store, chain, options), target, options);
    if (by === "loop devices") options.onWarning?.(LOOPS);
    return target;
  }
  throw new VarveError("E_BUSY", `Cannot mount ${path}: another process is mounting it`, {
    subject: path,
  });
}

/**
 * Unmounts the lowers that nothing needs any more. An overlay or a bind that still stands on
 * one is not disturbed: the kernel holds what it uses.
 *
 * @param needed gives the directories of the chains that stay; asked only when something is mounted
 */
export function trimLowers(store: DiskStore, needed: () => readonly string[]): void {
  const mounts = store.directories.mounts;
  const lowers = [...Deno.readDirSync(mounts)].filter(({ name }) => LOWER.test(name));
  if (lowers.length === 0) return;
  const kept = new Set(needed().flatMap((composed) => ifThere(() => lowerOf(store, composed))));
  for (const { name } of lowers) {
    const path = `${mounts}/${name}`;
    if (kept.has(path)) continue;
    // What cannot go now, for somebody stands in it, goes with a later trim.
    ifThere(() => performUnmount(fromText(path)));
    ifThere(() => Deno.removeSync(path));
  }
}

/** Whether a lower is mounted in a store, of any image. */
export function hasLowers(mounts: string): boolean {
  return [...Deno.readDirSync(mounts)].some(({ name }) => LOWER.test(name));
}

/** What the kernel gives, or nothing where it refuses. */
function ifThere<T>(ask: () => T): T[] {
  try {
    return [ask()];
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
    return [];
  }
}

function isMounted(target: ByteString): boolean {
  return findMount(readMountInfo(), target)?.type === "erofs";
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

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
