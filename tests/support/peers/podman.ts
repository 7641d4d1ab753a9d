import type { TempDir } from "../machine/temp_dir.ts";

/** podman with a storage of its own, and options that stand before its verb. */
export function podmanIn(
  temp: TempDir,
  options: readonly string[] = ["--storage-driver", "vfs"],
): string[] {
  const [root, runroot] = [temp.join("podman"), temp.join("podman-run")];
  return ["podman", "--root", root, "--runroot", runroot, ...options];
}
