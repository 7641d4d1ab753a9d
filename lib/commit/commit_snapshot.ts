import type { DiffId } from "../digest/mod.ts";
import { mergeWarnings } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { type IngestedLayer, ingestImages, newName } from "../image/internal.ts";
import type { LoadedImage } from "../image/mod.ts";
import {
  appendLayer,
  changeConfig,
  documentTime,
  editConfig,
  encodeConfig,
  type HistoryEntry,
  type ImageConfig,
  ociLayer,
  parseImageConfig,
} from "../oci/mod.ts";
import { createPool } from "../pool/mod.ts";
import { parentImage, quoteKey } from "../snapshot/internal.ts";
import { requireDisk } from "../store/internal.ts";
import {
  documentLimits,
  hostPlatform,
  type LayerRecord,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import type { CommitImageOptions, CommittedImage } from "./contract.ts";
import { plainLayer, readSnapshot, type SnapshotLayer } from "./snapshot_layers.ts";
import { sourceOf } from "./snapshot_source.ts";

/**
 * Makes an image from a snapshot: the changes in its directory become a layer on top of its parent's layers.
 *
 * The same changes, options and `now` give the same image on any machine, with any number of workers. The image becomes
 * visible complete, or not at all. A snapshot without changes adds no layer, only a step in the history. The snapshot
 * itself stays as it is.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such snapshot · `E_PRECONDITION` it is a view, or its upper directory refers to
 * data in other layers · `E_BUSY` something changed while it was read · `E_USAGE` a malformed change or name ·
 * `E_WHITEOUT_NAME` a name that a layer cannot hold · `E_XDEV` · `E_LIMIT` · `E_SYSCALL`
 *
 * @example
 * ```ts ignore
 * const changes = ['CMD ["serve"]'];
 * const image = await commitSnapshot(store, "work", { name: "app:2", changes });
 * console.log(image.imageId);
 * ```
 */
export async function commitSnapshot(
  store: Store,
  key: string,
  options: CommitImageOptions = {},
): Promise<CommittedImage> {
  options.signal?.throwIfAborted();
  const names = options.name === undefined ? [] : [newName(options.name)];
  const source = sourceOf(store, key);
  if (source.row.kind === "view") {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot commit snapshot ${quoteKey(key)}: it is a view, in which nothing can change`,
      { subject: key },
    );
  }
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  const parent = await parentImage(store, source.row, source.layers);
  // Parse the changes first: a malformed change must fail before the snapshot is read.
  const config = changedConfig(store, options, parent, source.layers);
  let made: SnapshotLayer[] = [];
  const [image] = await ingestImages(store, {
    label: key,
    async images(ingest) {
      const disk = requireDisk(store, "read snapshots");
      made = await readSnapshot({ ...options, store: disk, key, pool }, source, ingest.layers);
      const added = made.flatMap(({ layer }) => layer ?? []);
      return [{
        kind: "made",
        names: () => names,
        config: withHistory(store, options, config, added),
        layers: [...layersBelow(store, parent, source.layers), ...added],
      }];
    },
  }, {
    ...options,
    pool,
    documents: documentLimits(store),
    verb: "commit",
    onProgress: ({ read, state }) => state === "running" ? options.onProgress?.(read) : undefined,
  }) as [LoadedImage];
  return {
    name: image.names[0] as string,
    manifest: image.manifest,
    imageId: image.imageId,
    chainId: image.chainId,
    parent: parent?.record.name ?? null,
    layers: made.flatMap(({ layer }) =>
      layer === null ? [] : [store.layers.get(layer.diffId) as LayerRecord]
    ),
    warnings: mergeWarnings(made.map(({ warnings }) => warnings)),
  };
}

/**
 * The parent's layers, as in the manifest of the parent image, but with OCI media types. Without a parent image, the
 * uncompressed tars.
 */
function layersBelow(
  store: Store,
  parent: StoredImage | undefined,
  diffIds: readonly DiffId[],
): IngestedLayer[] {
  return diffIds.map((diffId, i): IngestedLayer => {
    const plain = plainLayer(store, diffId);
    const below = parent?.layers[i]?.descriptor;
    if (below === undefined) return plain;
    const { mediaType, digest, size } = ociLayer(below);
    return { ...plain, mediaType, digest, size };
  });
}

/** The config of the parent image, or a new config, with the changes applied. */
function changedConfig(
  store: Store,
  { changes = [], platform = hostPlatform(), author, now }: CommitImageOptions,
  parent: StoredImage | undefined,
  diffIds: readonly DiffId[],
): ImageConfig {
  const limits = documentLimits(store);
  const before = parent?.config ??
    parseImageConfig(encodeConfig({ platform, diffIds, history: [] }), { limits });
  return editConfig(before, {
    created: documentTime(now ?? Date.now()),
    author,
    config: changeConfig(before.config, changes, before.document),
  }, { limits });
}

function withHistory(
  store: Store,
  options: CommitImageOptions,
  config: ImageConfig,
  added: readonly IngestedLayer[],
): ImageConfig {
  const { author, message, createdBy = "varve commit" } = options;
  const entry: HistoryEntry = { created: config.created, createdBy, author, comment: message };
  const limits = documentLimits(store);
  if (added.length === 0) return appendLayer(config, null, entry, { limits });
  return added.reduce(
    (config, { diffId }) => appendLayer(config, diffId, entry, { limits }),
    config,
  );
}
