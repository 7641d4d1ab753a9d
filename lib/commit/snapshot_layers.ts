import { scanInPool } from "../directory/internal.ts";
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
  await directories.prepareTrees(source.layers, options.pool);
  const files = source.layers.map((diffId) => directories.layerTree(diffId).path);
  const above: Uint8Array[] = [];
  const out: SnapshotLayer[] = [];
  for (const cacheId of source.directories) {
    const own = source.ownDirectory && cacheId === source.row.cacheId;
    await using _ = own && pause !== undefined ? await pause(key) : null;
    using open = await openSource(directories, cacheId);
    const base = { files: [...files], above: [...above] };
    if (layers === null) {
      const { pool, signal, policy, limits } = options;
      const { root, form, stubs, leftOut } = open;
      const scanned = await scanInPool({
        pool,
        root,
        form,
        base,
        rules: { policy, limits, stubs, leftOut },
        signal,
      });
      const tree = scanned.tree as Uint8Array;
      above.push(tree);
      const { warnings } = scanned;
      out.push({ layer: null, files: null, tree: decodeTree(tree), warnings });
    } else {
      const made = await makeLayer(options, open, base.files, layers);
      if (made.files !== null) files.push(made.files.tree);
      out.push(made);
    }
  }
  return out;
}

async function makeLayer(
  { pool, key, policy, limits }: ReadSnapshotOptions,
  { root, form, stubs, leftOut }: OpenSource,
  below: readonly string[],
  layers: LayerIngest,
): Promise<SnapshotLayer> {
  let warnings: readonly Warning[] = [];
  let target: LayerTarget | null = null;
  const content: JobContent = {
    kind: "job",
    size: 0,
    async run({ input, signal, onProgress }) {
      const base = { files: below, above: [] };
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
