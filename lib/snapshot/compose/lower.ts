import { type ByteString, fromText } from "../../bytes/mod.ts";
import { type Digest, hexOf } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  findMount,
  isErrno,
  lockFd,
  type Mount,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  performMount,
  performUnmount,
  readMountInfo,
} from "../../linux/mod.ts";
import type { Directories, Store } from "../../store/mod.ts";
import type { ComposedChain } from "./compose_chain.ts";
import { IMAGE } from "./contract.ts";
import { performOnLoops } from "./loops.ts";

/** Name of the directory in `mounts/` at which an image is mounted. */
export function lowerName(name: Digest): string {
  return `erofs-${hexOf(name)}`;
}

/** Which directories of `mounts/` are lowers. */
const LOWER = /^erofs-[0-9a-f]{64}$/;
/** Turns of a wait for another process that mounts the same image, which takes milliseconds. */
const TURNS = 2000;
const TURN = 5;

/** The mount of a composed image, as a value. */
export function composedMount(store: Store, chain: ComposedChain): Mount {
  const directories = store.directories as Directories;
  const direct = store.settings.get("erofs.directio") === "on" ? ["directio"] : [];
  return {
    type: "erofs",
    source: fromText(`${chain.directory}/${IMAGE}`),
    options: [
      "ro",
      ...chain.image.devices.map((diffId) => `device=${fromText(directories.layerTar(diffId))}`),
      ...direct,
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
export async function mountLower(store: Store, chain: ComposedChain): Promise<ByteString> {
  const { mounts } = store.directories as Directories;
  const path = `${mounts}/${lowerName(chain.image.name)}`;
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
    mountImageFile(composedMount(store, chain), target);
    return target;
  }
  throw new VarveError("E_BUSY", `Cannot mount ${path}: another process is mounting it`, {
    subject: path,
  });
}

function mountImageFile(mount: Mount, target: ByteString): void {
  try {
    performMount(mount, target);
  } catch (error) {
    // The file system below cannot be read by the kernel itself: a block device stands in.
    if (!isErrno(error, "ENOTBLK")) throw error;
    performOnLoops(mount, target);
  }
}

/**
 * Unmounts the lowers that nothing needs any more. An overlay or a bind that still stands on
 * one is not disturbed: the kernel holds what it uses.
 *
 * @param needed names of images that stay
 */
export function trimLowers(store: Store, needed: ReadonlySet<Digest>): void {
  const { mounts } = store.directories as Directories;
  const kept = new Set([...needed].map(lowerName));
  for (const { name, isDirectory } of Deno.readDirSync(mounts)) {
    if (!isDirectory || !LOWER.test(name) || kept.has(name)) continue;
    const path = `${mounts}/${name}`;
    try {
      performUnmount(fromText(path));
      Deno.removeSync(path);
    } catch (error) {
      // Somebody stands in it, or mounted it again: the next trim comes by.
      const busy = error instanceof VarveError && error.code === "E_BUSY";
      if (!busy && !(error instanceof Error && "code" in error)) throw error;
    }
  }
}

/** Names of the images that are mounted as lowers. */
export function mountedLowers(store: Store): string[] {
  const { mounts } = store.directories as Directories;
  const info = readMountInfo();
  return [...Deno.readDirSync(mounts)].map(({ name }) => name).filter((name) =>
    LOWER.test(name) && findMount(info, fromText(`${mounts}/${name}`)) !== undefined
  );
}

function isMounted(target: ByteString): boolean {
  return findMount(readMountInfo(), target) !== undefined;
}

function tryLock(path: string): OwnedFd | null {
  try {
    const directory = ownFd(openDirectoryAt(CWD, fromText(path)));
    if (lockFd(directory.fd, "exclusive")) return directory;
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
