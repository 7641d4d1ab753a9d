import type { DiffId } from "../digest/mod.ts";
import { type ScanBase, scanInPool } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import type { IngestedLayer, JobContent, LayerIngest } from "../image/internal.ts";
import type { Warning } from "../layer/mod.ts";
import type { LayerRules, LayerTarget } from "../layer_job/mod.ts";
import { MEDIA_TYPES } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { DiskStore, Store } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";
import { type OpenSource, openSource, type SnapshotSource } from "./snapshot_source.ts";

/** Options of {@linkcode readSnapshot}. */
export interface ReadSnapshotOptions extends Pick<LayerRules, "policy" | "limits"> {
  readonly store: DiskStore;
  readonly pool: Pool;
  /** Key or name of the snapshot. */
  readonly key: string;
  /** Pauses writers of the snapshot while it is read; dispose to resume. `null` when nothing was paused. */
  readonly pause?: ((key: string) => Promise<AsyncDisposable | null>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The changes in one directory of a snapshot, or a layer that lies on a directory. */
export interface SnapshotLayer {
  /** The layer; `null` when there are no changes, or when only the tree was read. */
  readonly layer: IngestedLayer | null;
  /** Files of the layer that was made, which exist until its ingest ends; `null` for a layer of the store. */
  readonly files: Extract<LayerTarget, { kind: "files" }> | null;
  /** The layer tree, when only the tree was read. */
  readonly tree: Tree | null;
  /** What was left out of the layer. */
  readonly warnings: readonly Warning[];
}

/**
 * Reads what is above the lowest layers of a snapshot, lowest first: the directories of its committed ancestors with the
 * layers between them, then its own directory. Each directory becomes a layer.
 *
 * @param layers makes the layers; with `null`, only the trees are read
 * @throws {VarveError} `E_BUSY` something changed while it was read · `E_DAMAGE` · as `scanInPool`
 */
export async function readSnapshot(
  options: ReadSnapshotOptions,
  source: SnapshotSource,
  layers: LayerIngest | null,
): Promise<SnapshotLayer[]> {
  const { store: { directories }, key, pause } = options;
  const trees: ScanBase["trees"][number][] = await treeFiles(options, source);
  const out: SnapshotLayer[] = [];
  for (const part of source.above) {
    if (part.kind === "layer") {
      trees.push(directories.layerTree(part.diffId).path);
      out.push(await storedLayer(options.store, part.diffId, layers === null));
      continue;
    }
    const { cacheId } = part;
    const own = source.ownDirectory && cacheId === source.row.cacheId;
    await using _ = own && pause !== undefined ? await pause(key) : null;
    using open = await openSource(directories, cacheId);
    const base = { trees: [...trees] };
    if (layers === null) {
      const { tree, warnings } = await scanTree(options, open, base);
      trees.push(tree);
      out.push({ layer: null, files: null, tree: decodeTree(tree), warnings });
    } else {
      const made = await makeLayer(options, open, base, layers);
      if (made.files !== null) trees.push(made.files.tree);
      out.push(made);
    }
  }
  return out;
}

/**
 * Reads only the changes in the topmost directory of a snapshot, and makes a layer of them. The directories below it are
 * read as trees, to compare with.
 *
 * @param layers makes the layer
 * @throws {VarveError} as {@linkcode readSnapshot}
 * @throws {RangeError} the snapshot has no directory
 */
export async function readTopLayer(
  options: ReadSnapshotOptions,
  source: SnapshotSource,
  layers: Pick<LayerIngest, "create">,
): Promise<SnapshotLayer> {
  const { directories } = options.store;
  const top = source.above.at(-1);
  if (top?.kind !== "directory") {
    throw new RangeError("Cannot read a snapshot: it has no directory");
  }
  const trees: ScanBase["trees"][number][] = await treeFiles(options, source);
  for (const part of source.above.slice(0, -1)) {
    if (part.kind === "layer") {
      trees.push(directories.layerTree(part.diffId).path);
      continue;
    }
    using open = await openSource(directories, part.cacheId);
    trees.push((await scanTree(options, open, { trees: [...trees] })).tree);
  }
  using open = await openSource(directories, top.cacheId);
  return await makeLayer(options, open, { trees }, layers);
}

/** Paths of the trees of the layers at the bottom of a snapshot, lowest first. Prepares the trees of all its layers. */
async function treeFiles(
  { store: { directories }, pool }: ReadSnapshotOptions,
  { layers, above }: SnapshotSource,
): Promise<string[]> {
  const more = above.flatMap((part) => part.kind === "layer" ? [part.diffId] : []);
  await directories.prepareTrees([...new Set([...layers, ...more])], pool);
  return layers.map((diffId) => directories.layerTree(diffId).path);
}

/** A layer of the store that lies on a directory. */
async function storedLayer(
  store: DiskStore,
  diffId: DiffId,
  onlyTree: boolean,
): Promise<SnapshotLayer> {
  if (onlyTree) {
    return { layer: null, files: null, tree: await store.layers.tree(diffId), warnings: [] };
  }
  return { layer: plainLayer(store, diffId), files: null, tree: null, warnings: [] };
}

/** A layer of the store as an uncompressed tar. */
export function plainLayer(store: Store, diffId: DiffId): IngestedLayer {
  const record = store.layers.get(diffId);
  if (record === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot read a snapshot: layer ${diffId} is not in the store`,
      {
        subject: diffId,
      },
    );
  }
  const { size } = record;
  const mediaType = MEDIA_TYPES.layer;
  return {
    mediaType,
    digest: diffId,
    size,
    diffId,
    uncompressedSize: size,
    processed: false,
    warnings: [],
  };
}

async function scanTree(
  { pool, signal, policy, limits }: ReadSnapshotOptions,
  { root, form, stubs, leftOut }: OpenSource,
  base: ScanBase,
): Promise<{ readonly tree: Uint8Array; readonly warnings: readonly Warning[] }> {
  const rules = { policy, limits, stubs, leftOut };
  const { tree, warnings } = await scanInPool({ pool, root, form, base, rules, signal });
  return { tree: tree as Uint8Array, warnings };
}

async function makeLayer(
  { pool, key, policy, limits }: ReadSnapshotOptions,
  { root, form, stubs, leftOut }: OpenSource,
  base: ScanBase,
  layers: Pick<LayerIngest, "create">,
): Promise<SnapshotLayer> {
  let warnings: readonly Warning[] = [];
  let target: LayerTarget | null = null;
  const content: JobContent = {
    kind: "job",
    size: 0,
    async run({ input, signal, onProgress }) {
      const scanned = await scanInPool({
        pool,
        root,
        form,
        base,
        rules: { policy, limits, stubs, leftOut },
        target: input.target,
        signal,
        onProgress: (read) => onProgress({ read, written: 0 }),
      });
      target = input.target;
      warnings = scanned.warnings;
      return scanned.layer;
    },
  };
  const layer = await layers.create(key, content);
  const files = layer === null ? null : filesOf(target);
  return { layer, files, tree: null, warnings };
}

function filesOf(target: LayerTarget | null): Extract<LayerTarget, { kind: "files" }> {
  if (target?.kind === "files") return target;
  throw new Error("a disk store staged a layer without files");
}
