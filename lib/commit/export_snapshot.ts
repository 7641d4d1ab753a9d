import { type ExportOptions, exportTree } from "../image/mod.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { disposeAtEnd } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import { openSnapshotFiles } from "./snapshot_files.ts";

/** Options of {@linkcode exportSnapshot}. */
export interface ExportSnapshotOptions
  extends Pick<ExportOptions, "signal" | "onProgress">, Pick<LayerRules, "policy" | "limits"> {
  /** Runs the jobs that scan directories. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** Pauses writers of the snapshot while it is read; dispose to resume. `null` when nothing was paused. */
  readonly pause?: ((key: string) => Promise<AsyncDisposable | null>) | undefined;
}

/**
 * Exports the root filesystem of a snapshot as one flat tar, as `exportImage` does for an image.
 *
 * First the changes in the snapshot's directory are read into a temporary layer of the store. No other process sees
 * this layer, and it is removed when the stream ends. So the tar shows a single moment, even if it is read slowly. The
 * same files give the same bytes on any machine.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such snapshot · as `commitSnapshot`; in the stream: `E_DIGEST` a file is
 * damaged
 *
 * @example
 * ```ts ignore
 * const tar = await exportSnapshot(store, "work");
 * await tar.pipeTo(file.writable);
 * ```
 */
export async function exportSnapshot(
  store: Store,
  key: string,
  options: ExportSnapshotOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  await using stack = new AsyncDisposableStack();
  const { tree, open } = stack.use(
    await openSnapshotFiles(store, key, { ...options, verb: "export" }),
  );
  return disposeAtEnd(exportTree(tree, open, options), stack.move());
}
