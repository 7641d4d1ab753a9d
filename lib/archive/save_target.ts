import { sha256 } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { fileErrno, fileError } from "../linux/mod.ts";

/** A path at which a new file or directory appears complete, or not at all. */
export interface SaveTarget extends AsyncDisposable {
  /** Temporary path to write to. It is in the same directory as the final path. */
  readonly temporary: string;
  /**
   * Renames the temporary path to the final one. If the target is disposed without this call, the temporary path is
   * removed.
   *
   * @param durability whether to sync the file or directory before, and its new name after
   */
  finish(durability: "full" | "none"): Promise<void>;
}

/** Prefix of the temporary names. */
const PREFIX = ".varve-save-";

/** Paths in directories where only root can make links. An example is the link `/dev/stdout`. */
const SYSTEM_LINKS = /^\/(?:dev|proc)\//;

/**
 * The target for a file. `"in place"` means that the path is a device or a FIFO, which must be written directly.
 * Otherwise a new file is written next to it.
 *
 * A symbolic link is refused. In a directory of several users, such as `/tmp`, another user may have made the link, and
 * it may lead to a file that only the caller may write. Below `/dev` and `/proc`, a link to a device, a FIFO or a pipe
 * is written in place, for example `/dev/stdout`.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such directory · `E_EXISTS` the path is a directory or a symbolic link ·
 *   `E_DENIED`, `E_SYSCALL`
 */
export async function fileTarget(path: string): Promise<SaveTarget | "in place"> {
  const isSystems = SYSTEM_LINKS.test(path);
  if (!isSystems && await isLink(path)) throw linkError(path);
  const info = await statOrNothing(path);
  if (info?.isDirectory) throw taken(path, "it is a directory");
  if (isSystems && info?.isFile && await isLink(path)) throw linkError(path);
  if (info !== undefined && !info.isFile) return "in place";
  return await begin(
    path,
    info !== undefined,
    Deno.makeTempFile,
    async (temporary) => (info?.mode ?? await newMode(temporary) & 0o666) & 0o777,
  );
}

/**
 * The target for a new directory. A directory that is already at `path` must be empty. A symbolic link is refused.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_EXISTS`, `E_DENIED`, `E_SYSCALL`
 */
export async function directoryTarget(path: string): Promise<SaveTarget> {
  await refuseLink(path);
  const info = await statOrNothing(path);
  if (info !== undefined && !info.isDirectory) throw taken(path, "it is a file");
  if (info !== undefined) {
    for await (const _ of Deno.readDir(path)) throw taken(path, "it is not empty");
  }
  return await begin(path, info !== undefined, Deno.makeTempDir, newMode);
}

/**
 * A directory for temporary files in a directory that is there. It is removed when the target is disposed; the next call
 * removes what a killed process has left.
 */
export async function temporaryIn(
  directory: string,
): Promise<Pick<SaveTarget, "temporary"> & AsyncDisposable> {
  // It never gets another name, so it keeps its mode, and no probe is left in the directory.
  const path = `${directory.replace(/\/+$/, "")}/update`;
  return await begin(path, false, Deno.makeTempDir, () => Promise.resolve(0o700));
}

/** Refuses a symbolic link. @throws {VarveError} `E_EXISTS` */
export async function refuseLink(path: string): Promise<void> {
  if (await isLink(path.replace(/\/+$/, "") || "/")) throw linkError(path);
}

async function begin(
  shown: string,
  exists: boolean,
  make: (options: { readonly dir: string; readonly prefix: string }) => Promise<string>,
  modeFor: (temporary: string) => Promise<number>,
): Promise<SaveTarget> {
  const path = exists ? await Deno.realPath(shown) : shown.replace(/\/+$/, "");
  const slash = path.lastIndexOf("/");
  const dir = slash < 0 ? "." : path.slice(0, slash) || "/";
  // The prefix is derived from the final name. So the next save to the same path finds what a killed run has left, and
  // removes it.
  const name = new TextEncoder().encode(path.slice(slash + 1));
  const prefix = `${PREFIX}${sha256(name).slice(7, 19)}-`;
  let made: Locked | undefined;
  let mode: number;
  try {
    await removeLeftovers(dir, prefix);
    made = await makeLocked(() => make({ dir, prefix }));
    mode = await modeFor(made.temporary);
  } catch (error) {
    made?.lock.close();
    if (made !== undefined) await removeIfThere(made.temporary);
    const code = fileErrno(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(error, `save to ${shown}`);
    throw new VarveError("E_NOT_FOUND", `Cannot save to ${shown}: there is no such directory`, {
      subject: shown,
    });
  }
  const { temporary, lock } = made;
  return {
    temporary,
    async finish(durability): Promise<void> {
      await Deno.chmod(temporary, mode);
      if (durability === "full") await lock.sync();
      await Deno.rename(temporary, path);
      if (durability === "full") await syncDirectory(dir);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await removeIfThere(temporary);
      await lock.unlock();
      lock.close();
    },
  };
}

/** A temporary path, and the file or directory there, locked. */
interface Locked {
  readonly temporary: string;
  readonly lock: Deno.FsFile;
}

/** Makes a temporary file or directory. It is locked until this process ends, also by `kill -9`. */
async function makeLocked(make: () => Promise<string>): Promise<Locked> {
  for (;;) {
    const temporary = await make();
    const lock = await unlessGone(() => Deno.open(temporary));
    if (lock === undefined) continue;
    // Until it is locked, another process can take it for left over, and remove it.
    const isLocked = await lock.tryLock(true);
    if (isLocked && await unlessGone(() => Deno.lstat(temporary)) !== undefined) {
      return { temporary, lock };
    }
    lock.close();
  }
}

/** `undefined` for what another process has removed. */
async function unlessGone<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Syncs the names in a directory. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/**
 * The mode that a new directory gets under the umask of this process. To find it, a directory is made next to
 * `temporary` and removed again. `Deno.umask` is not used, because it needs permission for all of `--allow-sys`, and
 * changes the umask of the process for a moment.
 */
async function newMode(temporary: string): Promise<number> {
  let count = 0;
  const { temporary: probe, lock } = await makeLocked(async () => {
    const path = `${temporary}-mode-${count++}`;
    await Deno.mkdir(path, { mode: 0o777 });
    return path;
  });
  try {
    return ((await lock.stat()).mode ?? 0o755) & 0o777;
  } finally {
    await removeIfThere(probe);
    lock.close();
  }
}

async function removeLeftovers(dir: string, prefix: string): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (!name.startsWith(prefix)) continue;
    const path = `${dir}/${name}`;
    const info = await unlessGone(() => Deno.lstat(path));
    // A FIFO of another user would keep the save waiting.
    if (info?.isFile !== true && info?.isDirectory !== true) continue;
    using file = await openOwn(path);
    if (await file?.tryLock(true) === true) await removeIfThere(path);
  }
}

/** Opens what may be left over; `undefined` when it is gone, or belongs to another user. */
async function openOwn(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await unlessGone(() => Deno.open(path));
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

function taken(path: string, state: string, hint?: string): VarveError {
  return new VarveError("E_EXISTS", `Cannot save to ${path}: ${state}`, { subject: path, hint });
}

function linkError(path: string): VarveError {
  return taken(
    path,
    "it is a symbolic link",
    "give the path that the link leads to, or remove the link",
  );
}

async function isLink(path: string): Promise<boolean> {
  const info = await Deno.lstat(path).catch(() => undefined);
  return info?.isSymlink === true;
}

async function statOrNothing(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    const code = fileErrno(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileError(error, `save to ${path}`);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
