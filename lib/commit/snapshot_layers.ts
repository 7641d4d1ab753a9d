import { type ScanBase, scanInPool } from "../directory/internal.ts";
import type { IngestedLayer, JobContent, LayerIngest } from "../image/internal.ts";
import type { Warning } from "../layer/mod.ts";
import type { LayerRules, LayerTarget } from "../layer_job/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { DiskStore } from "../store/mod.ts";
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

/** The changes in one directory of a snapshot. */
export interface SnapshotLayer {
  /** The layer that was made; `null` when there are no changes, or when only the tree was read. */
  readonly layer: IngestedLayer | null;
  /** Files of the layer, which exist until its ingest ends; `null` without a layer. */
  readonly files: Extract<LayerTarget, { kind: "files" }> | null;
  /** The layer tree, when only the tree was read. */
  readonly tree: Tree | null;
  /** What was left out of the layer. */
  readonly warnings: readonly Warning[];
}

/**
 * Reads the changes in each directory of a snapshot, lowest first: the directories of its committed ancestors, then its
 * own directory. Each directory becomes a layer.
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
  const files = await treeFiles(options, source);
  const above: Uint8Array[] = [];
  const out: SnapshotLayer[] = [];
  for (const cacheId of source.directories) {
    const own = source.ownDirectory && cacheId === source.row.cacheId;
    await using _ = own && pause !== undefined ? await pause(key) : null;
    using open = await openSource(directories, cacheId);
    const base = { files: [...files], above: [...above] };
    if (layers === null) {
      const { tree, warnings } = await scanTree(options, open, base);
      above.push(tree);
      out.push({ layer: null, files: null, tree: decodeTree(tree), warnings });
    } else {
      const made = await makeLayer(options, open, base, layers);
      if (made.files !== null) files.push(made.files.tree);
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
  const top = source.directories.at(-1);
  if (top === undefined) throw new RangeError("Cannot read a snapshot: it has no directory");
  const files = await treeFiles(options, source);
  const above: Uint8Array[] = [];
  for (const cacheId of source.directories.slice(0, -1)) {
    using open = await openSource(directories, cacheId);
    above.push((await scanTree(options, open, { files, above: [...above] })).tree);
  }
  using open = await openSource(directories, top);
  return await makeLayer(options, open, { files, above }, layers);
}

/** Paths of the trees of a snapshot's layers, lowest first. */
async function treeFiles(
  { store: { directories }, pool }: ReadSnapshotOptions,
  { layers }: SnapshotSource,
): Promise<string[]> {
  await directories.prepareTrees(layers, pool);
  return layers.map((diffId) => directories.layerTree(diffId).path);
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
