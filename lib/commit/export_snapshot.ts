import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { StoreLayerIngest } from "../image/internal.ts";
import { type ExportOptions, exportTree } from "../image/mod.ts";
import { foldLayers } from "../layer/mod.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import { guarded } from "../linux/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { DiskStore, Ingest, LayerReader, Store } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";
import { readSnapshot } from "./snapshot_layers.ts";
import { sourceOf } from "./snapshot_source.ts";

/** Options of {@linkcode exportSnapshot}. */
export interface ExportSnapshotOptions
  extends Pick<ExportOptions, "signal" | "onProgress">, Pick<LayerRules, "policy" | "limits"> {
  /** The store with the snapshot. */
  readonly store: Store;
  /** Runs the jobs that scan directories. */
  readonly pool: Pool;
  /** Key or name of the snapshot. */
  readonly key: string;
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
 * const tar = await exportSnapshot({ store, pool, key: "work" });
 * await tar.pipeTo(file.writable);
 * ```
 */
export async function exportSnapshot(
  options: ExportSnapshotOptions,
): Promise<ReadableStream<Uint8Array>> {
  const store = requireDisk(options.store, "read snapshots");
  await using stack = new AsyncDisposableStack();
  const ingest = stack.use(await store.ingest());
  const { tree, tars } = await layersOf(options, store, ingest);
  const open = async (source: DiffId): Promise<LayerReader> => {
    const path = tars.get(source);
    return path === undefined ? await store.layers.reader(source) : await openTar(path);
  };
  const bytes = exportTree(tree, open, options);
  return disposeAtEnd(bytes, stack.move());
}

/** Passes a stream on. Disposes `owned` when the stream ends, fails or is cancelled, even before the first read. */
function disposeAtEnd(
  bytes: ReadableStream<Uint8Array>,
  owned: AsyncDisposable,
): ReadableStream<Uint8Array> {
  const reader = bytes.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
      } catch (error) {
        await owned[Symbol.asyncDispose]();
        throw error;
      }
      await owned[Symbol.asyncDispose]();
      controller.close();
    },
    async cancel(reason) {
      await using _ = owned;
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** The root tree of a snapshot, and the paths of the layer tars that are not in the store. */
interface ExportedTree {
  readonly tree: Tree;
  readonly tars: ReadonlyMap<DiffId, string>;
}

async function layersOf(
  options: ExportSnapshotOptions,
  store: DiskStore,
  ingest: Ingest,
): Promise<ExportedTree> {
  const { pool, policy, limits, signal = new AbortController().signal } = options;
  const layers = new StoreLayerIngest({
    policy,
    limits,
    store,
    ingest,
    pool,
    signal,
    verb: "export",
  });
  const source = sourceOf(store, options.key);
  const trees = await Promise.all(source.layers.map((diffId) => store.layers.tree(diffId)));
  const tars = new Map<DiffId, string>();
  for (const { layer, files } of await readSnapshot({ ...options, store }, source, layers)) {
    if (layer === null || files === null) continue;
    const bytes = await guarded("read layer tree", () => Deno.readFile(files.tree));
    trees.push(decodeTree(bytes));
    tars.set(layer.diffId, files.tar);
  }
  return { tree: foldLayers(trees), tars };
}

/** Opens a layer tar that is not in the store. */
async function openTar(path: string): Promise<LayerReader> {
  const file = await guarded("open layer", () => Deno.open(path));
  const { size } = await file.stat();
  return {
    size,
    read(position, length) {
      const out = new Uint8Array(length);
      file.seekSync(position, Deno.SeekMode.Start);
      for (let done = 0; done < length;) {
        const count = file.readSync(out.subarray(done));
        if (count === null) throw new VarveError("E_TRUNCATED", "Cannot read layer: it is cut off");
        done += count;
      }
      return out;
    },
    [Symbol.dispose]: () => file.close(),
  };
}
