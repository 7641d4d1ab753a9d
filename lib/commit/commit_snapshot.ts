import type { DiffId } from "../digest/mod.ts";
import { mergeWarnings, scanInPool } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { chainIds, type Warning } from "../layer/mod.ts";
import {
  appendLayer,
  changeConfig,
  type Descriptor,
  documentTime,
  editConfig,
  encodeConfig,
  encodeManifest,
  type HistoryEntry,
  type ImageConfig,
  MEDIA_TYPES,
  ociLayer,
  parseImageConfig,
} from "../oci/mod.ts";
import { parentImage, quoteKey } from "../snapshot/internal.ts";
import { requireDisk } from "../store/internal.ts";
import { documentLimits, type Ingest, type LayerRecord, type StoredImage } from "../store/mod.ts";
import type { CommitImageOptions, CommittedImage } from "./contract.ts";
import { openSource, type SnapshotSource, sourceOf } from "./snapshot_source.ts";

/**
 * Makes an image of a snapshot: what its directory changes becomes a layer on top of those below it.
 *
 * The same changes, options and `now` give the same image on any machine, with any number of
 * workers. Everything becomes visible at once, or nothing does. A snapshot that changes nothing
 * adds no layer, only a line of history. The snapshot itself stays as it is.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such snapshot · `E_PRECONDITION` it is a view, or an upper directory whose
 * data lie elsewhere · `E_BUSY` something changed while it was read · `E_USAGE` a malformed change ·
 * `E_WHITEOUT_NAME` a name that a layer cannot hold · `E_XDEV` · `E_LIMIT` · `E_SYSCALL`
 *
 * @example
 * ```ts ignore
 * const image = await commitSnapshot({
 *   store, pool, key: "work", name: "docker.io/library/app:1", platform,
 *   changes: ['CMD ["serve"]'],
 * });
 * console.log(image.imageId);
 * ```
 */
export async function commitSnapshot(options: CommitImageOptions): Promise<CommittedImage> {
  const { store, key, signal } = options;
  signal?.throwIfAborted();
  const source = sourceOf(store, key);
  if (source.row.kind === "view") {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot commit snapshot ${quoteKey(key)}: it is a view, in which nothing can change`,
      { subject: key },
    );
  }
  options.pool.prepare("extract");
  const parent = await parentImage(store, source.row, source.layers);
  // A change that cannot be understood is told before anything is read.
  const config = changedConfig(options, parent, source.layers);
  await using ingest = await store.ingest();
  const made = await makeLayers(options, source, ingest);
  const next = withHistory(options, config, made);
  const configBlob = await ingest.blob(next.raw, MEDIA_TYPES.config);
  const manifest = await ingest.blob(
    encodeManifest({
      config: configBlob,
      layers: [...layersBelow(options, parent, source.layers), ...made.flatMap(descriptorOf)],
    }),
    MEDIA_TYPES.manifest,
  );
  ingest.image(options.name, manifest);
  ingest.chain(next.diffIds);
  signal?.throwIfAborted();
  const { images: [image], layers } = await ingest.commit();
  const records = new Map(layers.map((layer) => [layer.diffId, layer]));
  return {
    name: image?.name as string,
    manifest: manifest.digest,
    imageId: configBlob.digest,
    chainId: chainIds(next.diffIds).at(-1) ?? null,
    parent: parent?.record.name ?? null,
    layers: made.flatMap(({ layer }) =>
      layer === null ? [] : [records.get(layer.diffId) as LayerRecord]
    ),
    warnings: mergeWarnings(made.map(({ warnings }) => warnings)),
  };
}

/** What one directory came to: a layer, or nothing. */
interface Made {
  readonly layer: { readonly diffId: DiffId; readonly size: number } | null;
  readonly warnings: readonly Warning[];
}

/** A layer of each directory: of committed ancestors, too, since an image has layers only. */
async function makeLayers(
  options: CommitImageOptions,
  source: SnapshotSource,
  ingest: Ingest,
): Promise<Made[]> {
  const { store, key, pause } = options;
  const directories = requireDisk(store, "read snapshots").directories;
  const files = source.layers.map((diffId) => directories.layerTree(diffId).path);
  const made: Made[] = [];
  for (const cacheId of source.directories) {
    const own = source.ownDirectory && cacheId === source.row.cacheId;
    await using _ = own && pause !== undefined ? await pause(key) : null;
    using open = await openSource(directories, cacheId);
    const staged = await ingest.newLayer();
    try {
      const { policy, limits, pool, signal, onProgress } = options;
      const { layer, warnings } = await scanInPool({
        pool,
        root: open.root,
        form: open.form,
        base: { files: [...files], above: [] },
        rules: {
          stubs: open.stubs,
          policy,
          limits,
        },
        target: staged.target,
        signal,
        onProgress,
      });
      if (layer === null) {
        await staged.discard();
        made.push({ layer: null, warnings });
        continue;
      }
      await staged.finish(layer, MEDIA_TYPES.layer);
      made.push({ layer: { diffId: layer.diffId, size: layer.uncompressedSize }, warnings });
      if (staged.target.kind === "files") files.push(staged.target.tree);
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }
  return made;
}

function descriptorOf({ layer }: Made): Descriptor[] {
  if (layer === null) return [];
  return [{ mediaType: MEDIA_TYPES.layer, digest: layer.diffId, size: layer.size }];
}

/** The layers of the image below as its manifest has them, in OCI's words; without an image, the tars. */
function layersBelow(
  { store }: CommitImageOptions,
  parent: StoredImage | undefined,
  diffIds: readonly DiffId[],
): Descriptor[] {
  if (parent === undefined) {
    return diffIds.map((digest) => ({
      mediaType: MEDIA_TYPES.layer,
      digest,
      size: store.layers.get(digest)?.size as number,
    }));
  }
  return parent.layers.map(({ descriptor }) => ociLayer(descriptor));
}

/** The config of the image below, or a new one, with the changes. */
function changedConfig(
  { changes = [], platform, author, now, store }: CommitImageOptions,
  parent: StoredImage | undefined,
  diffIds: readonly DiffId[],
): ImageConfig {
  const limits = documentLimits(store);
  const before = parent?.config ??
    parseImageConfig(encodeConfig({ platform, diffIds, history: [] }), { limits });
  return editConfig(before, {
    created: documentTime(now ?? Date.now()),
    author,
    container: changeConfig(before.config, changes, before.document),
  }, { limits });
}

function withHistory(
  options: CommitImageOptions,
  config: ImageConfig,
  made: readonly Made[],
): ImageConfig {
  const { author, message, createdBy = "varve commit" } = options;
  const entry: HistoryEntry = {
    created: config.created,
    createdBy,
    author,
    comment: message,
  };
  const layers = made.filter(({ layer }) => layer !== null);
  const limits = documentLimits(options.store);
  if (layers.length === 0) return appendLayer(config, null, entry, { limits });
  return layers.reduce(
    (config, { layer }) => appendLayer(config, layer?.diffId as DiffId, entry, { limits }),
    config,
  );
}
