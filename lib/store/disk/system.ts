import { fromText } from "../../bytes/mod.ts";
import { CWD, isSupported, tryStatAt } from "../../linux/mod.ts";

/** The lstat(2) of a path; `undefined` when it does not exist. */
export async function lstatOrNothing(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The lstat(2) of a path, synchronously; `undefined` when it does not exist. */
export function lstatOrNothingSync(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a path exists; links are not followed. For what is usually missing: no error is made then, which takes long. */
export function exists(path: string): boolean {
  if (!isSupported()) return lstatOrNothingSync(path) !== undefined;
  return tryStatAt(CWD, fromText(path)) !== undefined;
}

/**
 * Makes a directory of exactly this mode, whatever the umask. An existing directory is not changed.
 */
export async function makeDirectory(path: string, mode = 0o700): Promise<void> {
  try {
    await Deno.mkdir(path, { mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return;
  }
  await Deno.chmod(path, mode);
}

/** Writes a new file of exactly this mode, whatever the umask. */
export async function writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  await writeAll(file, bytes);
  await Deno.chmod(path, mode);
}

/** Writes all of the bytes. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/** Removes a file, or a directory with everything in it. Idempotent. */
export async function removeAll(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The names in a directory, synchronously; none when it does not exist. */
export function namesInSync(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The names in a directory. */
export async function namesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  return names;
}
