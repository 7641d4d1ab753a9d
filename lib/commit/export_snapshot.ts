import type { DiffId } from "../digest/mod.ts";
import { scanInPool } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { type ExportOptions, exportTree } from "../image/mod.ts";
import { foldLayers, type LayerLimits, type LayerPolicy } from "../layer/mod.ts";
import { guarded } from "../linux/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Directories, Ingest, LayerReader, Store } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";
import { openSource, sourceOf } from "./snapshot_source.ts";

/** What {@linkcode exportSnapshot} needs. */
export interface ExportSnapshotOptions extends Pick<ExportOptions, "signal" | "onProgress"> {
  /** Where the snapshot is. */
  readonly store: Store;
  /** Reads directories. */
  readonly pool: Pool;
  /** Key or name of the snapshot. */
  readonly key: string;
  /** Policy of layers, where it is not the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits of layers, where they are not the defaults. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Keeps whoever writes into the snapshot still while it is read; what it gives ends that. */
  readonly pause?: ((key: string) => Promise<AsyncDisposable | null>) | undefined;
}

/**
 * A snapshot's whole file system as one flat tar, as `exportImage` writes that of an image.
 *
 * What the snapshot's directory changes is first read into the store as the layer that a commit would
 * make, where nobody sees it, and is gone when the stream ends: so the tar is of one moment, however
 * slowly it is taken. The same files give the same bytes on any machine.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such snapshot · as `commitSnapshot`; in the stream: `E_DIGEST` damage
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
  const { store } = options;
  await using stack = new AsyncDisposableStack();
  const ingest = stack.use(await store.ingest());
  const { tree, tars } = await layersOf(options, ingest);
  const open = async (source: DiffId): Promise<LayerReader> => {
    const path = tars.get(source);
    return path === undefined ? await store.layers.reader(source) : await openTar(path);
  };
  const bytes = exportTree(tree, open, options);
  return owning(bytes, stack.move());
}

/** The same stream; what it needs is disposed when it ends, fails or is given up, even unread. */
function owning(
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

/** A snapshot's root tree, and the tars of layers that are not in the store. */
interface Stack {
  readonly tree: Tree;
  readonly tars: ReadonlyMap<DiffId, string>;
}

async function layersOf(options: ExportSnapshotOptions, ingest: Ingest): Promise<Stack> {
  const { store, key, pause } = options;
  const source = sourceOf(store, key);
  const trees = await Promise.all(source.layers.map((diffId) => store.layers.tree(diffId)));
  const tars = new Map<DiffId, string>();
  if (source.directories.length > 0) {
    const directories = requireDisk(store, "read snapshots").directories;
    const files = source.layers.map((diffId) => directories.layerTree(diffId).path);
    for (const cacheId of source.directories) {
      const own = source.ownDirectory && cacheId === source.row.cacheId;
      await using _ = own && pause !== undefined ? await pause(key) : null;
      const made = await readDirectory(options, ingest, directories, cacheId, files);
      if (made === null) continue;
      files.push(made.treePath);
      trees.push(made.tree);
      tars.set(made.diffId, made.tarPath);
    }
  }
  return { tree: foldLayers(trees), tars };
}

interface MadeLayer {
  readonly diffId: DiffId;
  readonly tree: Tree;
  readonly treePath: string;
  readonly tarPath: string;
}

/** What a directory changes, as a layer of the ingest; `null` for nothing. */
async function readDirectory(
  { pool, policy, limits, signal }: ExportSnapshotOptions,
  ingest: Ingest,
  directories: Directories,
  cacheId: number,
  below: readonly string[],
): Promise<MadeLayer | null> {
  using source = await openSource(directories, cacheId);
  const { target } = await ingest.newLayer();
  if (target.kind !== "files") throw new Error("a store with directories has files");
  const { root, form, stubs } = source;
  const base = { files: [...below], above: [] };
  const { layer } = await scanInPool({
    pool,
    root,
    form,
    base,
    rules: { policy, limits, stubs },
    target,
    signal,
  });
  if (layer === null) return null;
  const tree = decodeTree(await guarded("read layer tree", () => Deno.readFile(target.tree)));
  return { diffId: layer.diffId, tree, treePath: target.tree, tarPath: target.tar };
}

/** Reads runs of a tar that is not in the store. */
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
        if (count === null) throw new VarveError("E_TRUNCATED", "Cannot read layer: it is cut");
        done += count;
      }
      return out;
    },
    [Symbol.dispose]: () => file.close(),
  };
}
