import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { StoreLayerIngest } from "../image/internal.ts";
import { type ExportOptions, exportTree } from "../image/mod.ts";
import { foldSteps } from "../layer/internal.ts";
import { inTurns } from "../pool/internal.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import { guarded } from "../linux/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import { disposeAtEnd, requireDisk } from "../store/internal.ts";
import type { DiskStore, Ingest, LayerReader, Store } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";
import { readSnapshot } from "./snapshot_layers.ts";
import { sourceOf } from "./snapshot_source.ts";

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
  const disk = requireDisk(store, "read snapshots");
  await using stack = new AsyncDisposableStack();
  const ingest = stack.use(await disk.ingest());
  const { tree, tars } = await layersOf(options, disk, key, ingest);
  const open = async (source: DiffId): Promise<LayerReader> => {
    const path = tars.get(source);
    return path === undefined ? await disk.layers.reader(source) : await openTar(path);
  };
  const bytes = exportTree(tree, open, options);
  return disposeAtEnd(bytes, stack.move());
}

/** The root tree of a snapshot, and the paths of the layer tars that are not in the store. */
interface ExportedTree {
  readonly tree: Tree;
  readonly tars: ReadonlyMap<DiffId, string>;
}

async function layersOf(
  options: ExportSnapshotOptions,
  store: DiskStore,
  key: string,
  ingest: Ingest,
): Promise<ExportedTree> {
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  const { policy, limits, signal = new AbortController().signal } = options;
  const layers = new StoreLayerIngest({
    policy,
    limits,
    store,
    ingest,
    pool,
    signal,
    verb: "export",
  });
  const source = sourceOf(store, key);
  const trees = await Promise.all(source.layers.map((diffId) => store.layers.tree(diffId)));
  const tars = new Map<DiffId, string>();
  for (
    const { layer, files } of await readSnapshot({ ...options, store, key, pool }, source, layers)
  ) {
    if (layer === null) continue;
    if (files === null) {
      trees.push(await store.layers.tree(layer.diffId));
      continue;
    }
    const bytes = await guarded("read layer tree", () => Deno.readFile(files.tree));
    trees.push(decodeTree(bytes));
    tars.set(layer.diffId, files.tar);
  }
  return { tree: await inTurns(foldSteps(trees), signal), tars };
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
