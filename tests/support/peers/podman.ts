import type { TempDir } from "../machine/temp_dir.ts";

/** The command line of podman up to the verb, with a storage of its own and these global options. */
export function podmanIn(
  temp: TempDir,
  options: readonly string[] = ["--storage-driver", "vfs"],
): string[] {
  const [root, runroot] = [temp.join("podman"), temp.join("podman-run")];
  return ["podman", "--root", root, "--runroot", runroot, ...options];
}
