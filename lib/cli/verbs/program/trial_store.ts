import { absolutePath, guarded, requirePermissions } from "../../../linux/mod.ts";
import { type DiskStore, openStore } from "../../../store/mod.ts";
import { temporaryDirectory } from "../../sources/source_directory.ts";
import type { GlobalOptions } from "../../options.ts";

/**
 * Makes a store in a temporary directory on the file system on which the store at `root` would be made.
 *
 * @param stack closes the store and removes its directory
 * @throws {VarveError} `E_DENIED`, `E_SYSCALL` no directory can be made there
 */
export async function openTrialStore(
  { root, durability }: GlobalOptions,
  stack: AsyncDisposableStack,
): Promise<DiskStore> {
  const action = `make store ${root}`;
  const trial = await guarded(action, async () => {
    const dir = await nearestDirectory(absolutePath(root));
    requirePermissions(action, [{ name: "write", path: dir }]);
    return await temporaryDirectory({ dir, prefix: ".varve-doctor-" });
  });
  const { path } = stack.use(trial);
  return stack.use(await openStore({ root: path, durability }));
}

/** The longest part of a path that exists. */
async function nearestDirectory(path: string): Promise<string> {
  for (let at = path; at !== "/"; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    try {
      await Deno.stat(at);
      return at;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return "/";
}
