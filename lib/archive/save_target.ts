import { sha256 } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { fileErrno, fileError } from "../linux/mod.ts";

/** A place where something complete appears at once. */
export interface SaveTarget extends AsyncDisposable {
  /** Where it is written, beside the place. */
  readonly temporary: string;
  /** Makes it appear; without this, dispose takes it away. */
  finish(): Promise<void>;
}

/** What archives are written into before they appear begins so. */
const PREFIX = ".varve-save-";
/** Milliseconds after which a temporary file is surely locked by whoever writes it. */
const OLD = 60_000;

/**
 * What a file is saved to: `"in place"` where it is there and no regular file (`/dev/null`, a FIFO);
 * else a new file beside the final one. A symbolic link stays, what it points to is replaced.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such directory · `E_EXISTS` it is a directory · `E_DENIED`, `E_SYSCALL`
 */
export async function fileTarget(path: string): Promise<SaveTarget | "in place"> {
  const info = await statOrNothing(path);
  if (info?.isDirectory) throw taken(path, "it is a directory");
  if (info !== undefined && !info.isFile) return "in place";
  const mode = info?.mode ?? 0o666 & ~Deno.umask();
  return await begin(path, info !== undefined, Deno.makeTempFile, mode & 0o777);
}

/**
 * The same for a directory that does not exist, or is empty.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_EXISTS`, `E_DENIED`, `E_SYSCALL`
 */
export async function directoryTarget(path: string): Promise<SaveTarget> {
  const info = await statOrNothing(path);
  if (info !== undefined && !info.isDirectory) throw taken(path, "it is a file");
  if (info !== undefined) {
    for await (const _ of Deno.readDir(path)) throw taken(path, "it is not empty");
  }
  return await begin(path, info !== undefined, Deno.makeTempDir, 0o777 & ~Deno.umask());
}

async function begin(
  shown: string,
  exists: boolean,
  make: (options: { readonly dir: string; readonly prefix: string }) => Promise<string>,
  mode: number,
): Promise<SaveTarget> {
  const path = exists ? await Deno.realPath(shown) : shown.replace(/\/+$/, "");
  const slash = path.lastIndexOf("/");
  const dir = slash < 0 ? "." : path.slice(0, slash) || "/";
  // Named by what it is for, so that the same command finds what a killed one left.
  const name = new TextEncoder().encode(path.slice(slash + 1));
  const prefix = `${PREFIX}${sha256(name).slice(7, 19)}-`;
  let temporary: string;
  try {
    await removeLeft(dir, prefix);
    temporary = await make({ dir, prefix });
  } catch (error) {
    const code = fileErrno(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(error, `save to ${shown}`);
    throw new VarveError("E_NOT_FOUND", `Cannot save to ${shown}: there is no such directory`, {
      subject: shown,
    });
  }
  const lock = await Deno.open(temporary);
  await lock.lock(true);
  return {
    temporary,
    async finish(): Promise<void> {
      await Deno.chmod(temporary, mode);
      await Deno.rename(temporary, path);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await removeIfThere(temporary);
      await lock.unlock();
      lock.close();
    },
  };
}

async function removeLeft(dir: string, prefix: string): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (!name.startsWith(prefix)) continue;
    const path = `${dir}/${name}`;
    const info = await statOrNothing(path);
    if (Date.now() - (info?.mtime?.getTime() ?? Infinity) < OLD) continue;
    using file = await Deno.open(path);
    if (await file.tryLock(true)) await removeIfThere(path);
  }
}

function taken(path: string, state: string): VarveError {
  return new VarveError("E_EXISTS", `Cannot save to ${path}: ${state}`, { subject: path });
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
