import { guarded } from "../../linux/mod.ts";

/** A temporary directory. Disposing it removes it. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Where a temporary directory is made. */
export interface TemporaryPlace {
  /** Beginning of its name. */
  readonly prefix: string;
  /** Directory to make it in; that for temporary files when absent. */
  readonly dir?: string;
}

/**
 * Makes a directory for what is read of a source, among the temporary files of this machine.
 *
 * @throws {VarveError} `E_DENIED`, `E_SYSCALL`
 */
export async function sourceDirectory(): Promise<TemporaryDirectory> {
  return await guarded(
    "make a temporary directory",
    () => temporaryDirectory({ prefix: "varve-source-" }),
  );
}

/** Makes a directory, and removes those that killed processes of this user left in its place. It needs no FFI. */
export async function temporaryDirectory(place: TemporaryPlace): Promise<TemporaryDirectory> {
  const { path, lock } = makeLocked(place);
  const parent = path.slice(0, path.lastIndexOf("/")) || "/";
  try {
    for (const left of leftDirectories(parent, place.prefix, lock.statSync().uid)) {
      // It does not concern the new one: what cannot be removed stays.
      await Deno.remove(left, { recursive: true }).catch(() => {});
    }
  } catch {
    // Nor does it when this user may not list the place.
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      using _lock = lock;
      await Deno.remove(path, { recursive: true });
    },
  };
}

/** A new directory. It is locked until this process ends, also by `kill -9`. */
function makeLocked(place: TemporaryPlace): { readonly path: string; readonly lock: Deno.FsFile } {
  for (;;) {
    const path = Deno.makeTempDirSync(place);
    const lock = unlessGone(() => Deno.openSync(path));
    if (lock === undefined) continue;
    // Another process can take it for a left one, and remove it, until it is locked.
    if (lock.tryLockSync() && unlessGone(() => Deno.lstatSync(path)) !== undefined) {
      return { path, lock };
    }
    lock.close();
  }
}

/** Those of killed processes: nobody has locked them. Each is locked until the next one is asked for. */
function* leftDirectories(
  temporary: string,
  prefix: string,
  uid: number | null,
): Generator<string> {
  for (const { name } of Deno.readDirSync(temporary)) {
    if (!name.startsWith(prefix)) continue;
    const path = `${temporary}/${name}`;
    const info = unlessGone(() => Deno.lstatSync(path));
    if (info?.isDirectory !== true || info.uid !== uid) continue;
    using left = unlessGone(() => Deno.openSync(path));
    if (left?.tryLockSync(true) === true) yield path;
  }
}

/** `undefined` for what another process has removed. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
