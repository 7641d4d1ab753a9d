/**
 * A program that loads an image of generated layers into a memory store, and prints what that took:
 * `{"tar", "blobs", "peak"}`, all in bytes. `peak` is the highest resident memory of the process.
 *
 * `deno run -A memory_load.ts ARCHIVE WORKERS`; 0 workers run the jobs on the main thread.
 */
// deno-lint-ignore-file no-console
import { loadImages } from "../../../lib/archive/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";

if (import.meta.main) {
  const [archive = "", workers = "0"] = Deno.args;
  await using store = openMemoryStore();
  await using pool = createPool(workers === "0" ? { inline: true } : { workers: Number(workers) });
  await loadImages(store, archive, { pool });
  const sum = (sizes: readonly { readonly size: number }[]) =>
    sizes.reduce((all, { size }) => all + size, 0);
  const status = await Deno.readTextFile("/proc/self/status");
  const peak = Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
  console.log(
    JSON.stringify({ tar: sum(store.layers.list()), blobs: sum(store.blobs.list()), peak }),
  );
}
