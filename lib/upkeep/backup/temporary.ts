import { fromText, toHex } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  fileErrno,
  isErrno,
  isSupported,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  statAt,
  syncFileSystem,
  tryStatAt,
} from "../../linux/mod.ts";

/** A directory that gets its final name when it is complete. */
export interface Unfinished extends AsyncDisposable {
  /** Its path until then. */
  readonly path: string;
  /** Syncs everything in it, gives it its final name and syncs that. @throws {VarveError} `E_EXISTS` */
  finish(): Promise<void>;
}

/**
 * Makes a directory beside `target`, with another name. What earlier calls for the same target left when their
 * processes were killed is removed.
 *
 * @param target absolute path; nothing, or an empty directory
 * @throws {VarveError} `E_EXISTS` something is there · `E_PRECONDITION` a file system is mounted there · `E_NOT_FOUND` its
 * parent is missing
 */
export async function makeUnfinished(target: string): Promise<Unfinished> {
  const at = target.lastIndexOf("/");
  const parent = target.slice(0, at) || "/", name = target.slice(at + 1);
  const prefix = `.${name}.varve-`;
  await refuseExisting(target);
  for (const left of await namesIn(parent)) {
    if (left.startsWith(prefix)) await removeIfDead(`${parent}/${left}`);
  }
  // Held until the end: it shows other calls that this one is at work.
  const { path, lock } = await makeLocked(`${parent}/${prefix}`);
  let isFinished = false;
  return {
    path,
    async finish(): Promise<void> {
      syncFileSystem(lock.fd);
      await refuseExisting(target);
      try {
        await Deno.rename(path, target);
      } catch (error) {
        if (!/^(?:ENOTEMPTY|EEXIST|ENOTDIR)$/.test(fileErrno(error) ?? "")) throw error;
        throw isThere(target);
      }
      isFinished = true;
      using directory = await Deno.open(parent, { read: true });
      await directory.sync();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      using _ = lock;
      if (!isFinished) await Deno.remove(path, { recursive: true });
    },
  };
}

/** Makes a directory with a new name, and locks it. */
async function makeLocked(
  prefix: string,
): Promise<{ readonly path: string; readonly lock: OwnedFd }> {
  for (;;) {
    const path = `${prefix}${toHex(crypto.getRandomValues(new Uint8Array(6)))}`;
    await Deno.mkdir(path, { mode: 0o700 });
    // Until it is locked, another process can take it for left over, and remove it.
    try {
      using stack = new DisposableStack();
      const lock = stack.use(lockOf(path));
      if (lock === null || tryStatAt(CWD, fromText(path)) === undefined) continue;
      stack.move();
      return { path, lock };
    } catch (error) {
      if (isErrno(error, "ENOENT")) continue;
      await Deno.remove(path);
      throw error;
    }
  }
}

async function refuseExisting(target: string): Promise<void> {
  try {
    const info = await Deno.lstat(target);
    if (!info.isDirectory || (await namesIn(target)).length > 0) throw isThere(target);
    refuseMountPoint(target);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Refuses a directory where a file system is mounted: no directory can be renamed to it. */
function refuseMountPoint(target: string): void {
  if (!isSupported()) return;
  const parent = target.slice(0, target.lastIndexOf("/")) || "/";
  const [own, above] = [target, parent].map((path) => statAt(CWD, fromText(path)));
  // Before Linux 5.8 statx(2) did not say the mount.
  if (own?.mount === above?.mount && own?.device === above?.device) return;
  throw new VarveError("E_PRECONDITION", `Cannot write ${target}: a file system is mounted there`, {
    subject: target,
    hint: `give a new directory in it, such as ${target}/varve`,
  });
}

function isThere(target: string): VarveError {
  return new VarveError(
    "E_EXISTS",
    `Cannot write ${target}: it exists and is not an empty directory`,
    {
      subject: target,
      hint: "give another directory",
    },
  );
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot write into ${directory}: there is no such directory`,
      {
        subject: directory,
      },
    );
  }
}

async function removeIfDead(path: string): Promise<void> {
  try {
    using lock = lockOf(path);
    if (lock !== null) await Deno.remove(path, { recursive: true });
  } catch (error) {
    // It has got its final name meanwhile, or another call has removed it.
    if (fileErrno(error) !== "ENOENT") throw error;
  }
}

/** Locks a directory; `null` when another process holds the lock. */
function lockOf(path: string): OwnedFd | null {
  const directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  if (directory.lock("exclusive")) return directory;
  directory[Symbol.dispose]();
  return null;
}
