import { VarveError } from "../../errors.ts";

/** Error numbers to which Deno gives no code, by Linux' numbers (the same on x86-64 and aarch64). */
const UNNAMED: Readonly<Record<string, string>> = {
  "5": "EIO",
  "23": "ENFILE",
  "24": "EMFILE",
  "28": "ENOSPC",
  "30": "EROFS",
  "122": "EDQUOT",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or use a root on another file system",
  EDQUOT: "the quota is used up: free some space, or use another root",
  EROFS: "the file system is mounted read-only",
  EMFILE: "raise the limit of open files (ulimit -n)",
};

/** The name of the kernel's error, where a thing that was thrown has one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof VarveError) return error.details.errno;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  return number === undefined ? undefined : UNNAMED[number];
}

/** The kernel's error as a `VarveError`; anything else is returned as it is. */
export function systemError(error: unknown, action: string): unknown {
  if (error instanceof VarveError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const hint = HINTS[errno];
  const details = hint === undefined ? { errno } : { errno, hint };
  const reason = (error as Error).message.replace(/ \(os error \d+\).*$/s, "").toLowerCase();
  const code = errno === "EACCES" || errno === "EPERM" ? "E_DENIED" : "E_SYSCALL";
  return new VarveError(code, `Cannot ${action}: ${reason}`, details, { cause: error });
}

/** Does something with files; the kernel's errors say what could not be done. */
export async function guarded<T>(action: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw systemError(error, action);
  }
}

/** The same for what is synchronous. */
export function guardedSync<T>(action: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw systemError(error, action);
  }
}

/** What `lstat` says, or `undefined` when there is nothing. */
export async function lstatOrNothing(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The same, synchronous. */
export function lstatOrNothingSync(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Makes a directory of exactly this mode, whatever the umask is; one that is there stays. */
export async function makeDirectory(path: string, mode = 0o700): Promise<void> {
  try {
    await Deno.mkdir(path, { mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return;
  }
  await Deno.chmod(path, mode);
}

/** Writes a new file of exactly this mode. */
export async function writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  await writeAll(file, bytes);
  await Deno.chmod(path, mode);
}

/** Writes all of the bytes. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/** Removes a file or a whole directory; nothing there is success, too. */
export async function removeAll(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The names in a directory. */
export async function namesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  return names;
}
