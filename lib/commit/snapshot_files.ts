import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { StoreLayerIngest } from "../image/internal.ts";
import { foldSteps } from "../layer/internal.ts";
import type { Warning } from "../layer/mod.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import { guarded } from "../linux/mod.ts";
import { inTurns } from "../pool/internal.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { DiskStore, Ingest, LayerReader, Store } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";
import { readSnapshot } from "./snapshot_layers.ts";
import { sourceOf } from "./snapshot_source.ts";

/** Options of {@linkcode openSnapshotFiles}. */
export interface SnapshotFilesOptions extends Pick<LayerRules, "policy" | "limits"> {
  /** Runs the jobs that scan directories. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** Pauses writers of the snapshot while it is read; dispose to resume. `null` when nothing was paused. */
  readonly pause?: ((key: string) => Promise<AsyncDisposable | null>) | undefined;
  /** Aborts the reading. */
  readonly signal?: AbortSignal | undefined;
  /** What the reading is for, in messages, such as `export`. */
  readonly verb: string;
}

/** The files of a snapshot at one moment, with their contents. Disposing it ends the access to the contents. */
export interface SnapshotFiles extends AsyncDisposable {
  /** The root tree of the snapshot. */
  readonly tree: Tree;
  /** Makes the root tree of its parent. For a view, it is the same as {@linkcode tree}. */
  readonly before: () => Promise<Tree>;
  /** What was left out, because a tree cannot hold it. */
  readonly warnings: readonly Warning[];
  /** Its layers as trees, lowest first. The last is what the snapshot itself changes. */
  readonly layers: readonly SnapshotLayerTree[];
  /** Path of the tar of a layer that {@linkcode tree} names. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  readonly tarOf: (source: DiffId) => string;
  /** Opens such a tar. */
  readonly open: (source: DiffId) => Promise<LayerReader>;
}

/** A layer of a snapshot. */
export interface SnapshotLayerTree {
  /** DiffID of the layer. */
  readonly diffId: DiffId;
  /** Its layer tree. */
  readonly tree: Tree;
}

/**
 * Reads a snapshot as it is now.
 *
 * The changes in its directory are read into a temporary layer of the store. No other process sees this layer, and it
 * is removed when the result is disposed. So the result shows a single moment, even if it is read slowly.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such snapshot · as `commitSnapshot`
 */
export async function openSnapshotFiles(
  store: Store,
  key: string,
  options: SnapshotFilesOptions,
): Promise<SnapshotFiles> {
  const disk = requireDisk(store, "read snapshots");
  await using stack = new AsyncDisposableStack();
  const ingest = stack.use(await disk.ingest());
  const { layers, tars, below, warnings } = await layersOf(options, disk, key, ingest);
  const fold = (some: readonly SnapshotLayerTree[]) =>
    inTurns(foldSteps(some.map(({ tree }) => tree)), options.signal);
  const tree = await fold(layers);
  const held = stack.move();
  return {
    tree,
    layers,
    warnings,
    before: () => below === layers.length ? Promise.resolve(tree) : fold(layers.slice(0, below)),
    tarOf: (source) => tars.get(source) ?? disk.directories.layerTar(source),
    async open(source) {
      const path = tars.get(source);
      return path === undefined ? await disk.layers.reader(source) : await openTar(path);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The layers of a snapshot, and the paths of the layer tars that are not in the store. */
interface ReadLayers {
  readonly layers: readonly SnapshotLayerTree[];
  /** How many of the layers belong to the parent. */
  readonly below: number;
  readonly warnings: readonly Warning[];
  readonly tars: ReadonlyMap<DiffId, string>;
}

async function layersOf(
  options: SnapshotFilesOptions,
  store: DiskStore,
  key: string,
  ingest: Ingest,
): Promise<ReadLayers> {
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  const { policy, limits, verb, signal = new AbortController().signal } = options;
  const ingestOptions = { policy, limits, store, ingest, pool, signal, verb };
  const changes = new StoreLayerIngest(ingestOptions);
  const source = sourceOf(store, key);
  const stored = async (diffId: DiffId) => ({ diffId, tree: await store.layers.tree(diffId) });
  const layers = await Promise.all(source.layers.map(stored));
  const tars = new Map<DiffId, string>();
  const read = await readSnapshot({ ...options, store, key, pool }, source, changes);
  for (const { layer, files } of read) {
    if (layer === null) continue;
    const { diffId } = layer;
    if (files === null) {
      layers.push(await stored(diffId));
      continue;
    }
    const bytes = await guarded("read layer tree", () => Deno.readFile(files.tree));
    layers.push({ diffId, tree: decodeTree(bytes) });
    tars.set(diffId, files.tar);
  }
  const isUnchanged = source.row.kind === "view" || read.at(-1)?.layer === null;
  return {
    layers,
    tars,
    below: isUnchanged ? layers.length : layers.length - 1,
    warnings: read.flatMap(({ warnings }) => warnings),
  };
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
