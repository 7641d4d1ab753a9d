/** Temporary directories that clean up after themselves, mounts included. */
import { mountsBelow } from "./census.ts";
// A test with files may open a store, which opens libc: that must happen before the first test begins.
import "./needs.ts";

/** A directory that is removed when it goes out of scope. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** A path inside. */
  join(...parts: string[]): string;
}

/**
 * Makes a temporary directory, in `dir` where the place matters: `/tmp` may be no disk.
 *
 * Dispose detaches what is still mounted below it, deepest first, so that a failed test
 * can never delete through a mount.
 *
 * @example
 * ```ts ignore
 * await using temp = await tempDir();
 * await Deno.writeTextFile(temp.join("a"), "");
 * ```
 */
export async function tempDir(prefix = "varve-test-", dir?: string): Promise<TempDir> {
  const options = { prefix, ...(dir === undefined ? {} : { dir }) };
  const path = await Deno.realPath(await Deno.makeTempDir(options));
  return {
    path,
    join: (...parts) => [path, ...parts].join("/"),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const target of (await mountsBelow(path)).reverse()) {
        await new Deno.Command("umount", { args: ["-l", target] }).output();
      }
      const left = await mountsBelow(path);
      if (left.length > 0) throw new Error(`Cannot remove ${path}: ${left[0]} is still mounted`);
      await Deno.remove(path, { recursive: true });
    },
  };
}
