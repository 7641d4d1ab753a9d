import { guarded } from "../../linux/mod.ts";

const PREFIX = "varve-source-";

/** A directory for what is read of a source. Disposing it removes it. */
export interface SourceDirectory extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes a directory among the temporary files of this machine, and removes those that killed processes of this user
 * left there. It needs no FFI.
 *
 * @throws {VarveError} `E_DENIED`, `E_SYSCALL`
 */
export async function sourceDirectory(): Promise<SourceDirectory> {
  return await guarded("make a temporary directory", async () => {
    const { path, lock } = makeLocked();
    for (const left of leftDirectories(path.slice(0, path.lastIndexOf("/")), lock.statSync().uid)) {
      // It does not concern the source that is read now: what cannot be removed stays.
      await Deno.remove(left, { recursive: true }).catch(() => {});
    }
    return {
      path,
      async [Symbol.asyncDispose]() {
        using _lock = lock;
        await Deno.remove(path, { recursive: true });
      },
    };
  });
}

/** A new directory. It is locked until this process ends, also by `kill -9`. */
function makeLocked(): { readonly path: string; readonly lock: Deno.FsFile } {
  for (;;) {
    const path = Deno.makeTempDirSync({ prefix: PREFIX });
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
function* leftDirectories(temporary: string, uid: number | null): Generator<string> {
  for (const { name } of Deno.readDirSync(temporary)) {
    if (!name.startsWith(PREFIX)) continue;
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
