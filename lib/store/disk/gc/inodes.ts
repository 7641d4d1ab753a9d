import { type ByteString, fromText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  isSupported,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  readDirectory,
  type Stat,
  STAT_BLOCK,
  tryStatAt,
} from "../../../linux/mod.ts";
import { lstatOrNothingSync } from "../system.ts";

/** What an inode takes on the disk. */
export interface InodeUse {
  /** Whether it is a directory, which has one name. */
  readonly isDirectory: boolean;
  /** Bytes on the disk: its blocks. */
  readonly bytes: number;
  /** Number of its names. */
  readonly nlink: number;
  /** Device and inode number. */
  readonly key: string;
}

/**
 * The inodes of a path and of everything below it, one for each name; none when the path does not exist. Yields `null`
 * after each directory. Does not go below what is mounted in it.
 *
 * @param skip absolute paths that are left out, with everything below them
 */
export function* inodesAt(
  path: string,
  skip: ReadonlySet<string> = new Set(),
): Generator<InodeUse | null, void, undefined> {
  if (!isSupported()) return yield* withoutFfi(path, undefined, skip);
  const start = fromText(path);
  const stat = tryStatAt(CWD, start);
  if (stat === undefined) return;
  yield useOf(stat);
  if (stat.type !== "directory") return;
  using directory = openDirectory(CWD, start);
  if (directory === null) return;
  yield* below(directory.fd, start, stat.device, new Set([...skip].map(fromText)));
}

function* below(
  directory: Fd,
  path: string,
  device: string,
  skip: ReadonlySet<string>,
): Generator<InodeUse | null, void, undefined> {
  for (const { name } of readDirectory(directory)) {
    const at = skip.size === 0 ? "" : `${path}/${name}`;
    if (skip.has(at)) continue;
    const stat = tryStatAt(directory, name);
    if (stat === undefined || stat.device !== device) continue;
    yield useOf(stat);
    if (stat.type !== "directory") continue;
    using child = openDirectory(directory, name);
    if (child !== null) yield* below(child.fd, at, device, skip);
  }
  yield null;
}

function* withoutFfi(
  path: string,
  device: string | undefined,
  skip: ReadonlySet<string>,
): Generator<InodeUse | null, void, undefined> {
  if (skip.has(path)) return;
  const info = lstatOrNothingSync(path);
  if (info === undefined || device !== undefined && String(info.dev) !== device) return;
  yield useOf({
    type: info.isDirectory ? "directory" : "file",
    blocks: info.blocks ?? 0,
    nlink: info.nlink ?? 1,
    inode: BigInt(info.ino ?? 0),
    device: String(info.dev),
  });
  if (!info.isDirectory) return;
  yield null;
  try {
    for (const { name } of Deno.readDirSync(path)) {
      yield* withoutFfi(`${path}/${name}`, String(info.dev), skip);
    }
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
  }
}

function useOf(
  { type, blocks, nlink, inode, device }: Pick<
    Stat,
    "type" | "blocks" | "nlink" | "inode" | "device"
  >,
): InodeUse {
  return {
    isDirectory: type === "directory",
    bytes: blocks * STAT_BLOCK,
    nlink,
    key: `${device} ${inode}`,
  };
}

/**
 * Opens a directory; `null` when it cannot be opened: it was removed meanwhile, or it is so deep that this process would
 * have too many open files. What is below it is then left out.
 */
function openDirectory(parent: Fd, name: ByteString): OwnedFd | null {
  try {
    return ownFd(openDirectoryAt(parent, name));
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_SYSCALL") return null;
    throw error;
  }
}
