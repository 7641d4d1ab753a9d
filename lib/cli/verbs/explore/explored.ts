import type { ExploredLayer } from "../../../explore/mod.ts";
import { formatPlatform, type HistoryEntry, type ImageConfig } from "../../../oci/mod.ts";
import { parentImage } from "../../../snapshot/internal.ts";
import type { StoredImage } from "../../../store/mod.ts";
import { imageUsage } from "../../../upkeep/internal.ts";
import type { ImageUsage } from "../../../upkeep/mod.ts";
import type { Context } from "../../context.ts";
import { treesOfSnapshot } from "../../files/snapshots.ts";
import { isSnapshot } from "../../images.ts";
import { isSource, sourceKind } from "../../sources/is_source.ts";
import { openAnyImage } from "../../sources/open_image.ts";
import type { Options } from "../../verb.ts";

/** What is explored. */
export interface Explored {
  readonly layers: readonly ExploredLayer[];
  /** What is the same wherever the image comes from: JSON. */
  readonly facts: {
    readonly imageId: string | null;
    readonly platform: string | null;
    readonly created: string | null;
  };
  /** Where it comes from: JSON. */
  readonly source: {
    /** `store`, `snapshot`, or the transport of a source, such as `oci-archive`. */
    readonly kind: string;
    readonly name: string;
    readonly manifest: string | null;
    /** The blobs of the layers, lowest first. */
    readonly blobs: readonly {
      readonly digest: string;
      readonly mediaType: string;
      readonly size: number;
    }[];
  };
  /** What it takes in the store; `null` for a snapshot and a source. */
  readonly usage: Pick<ImageUsage, "size" | "shared" | "unique"> | null;
}

/** Opens an image of the store or of a source, or a snapshot with its changes. @throws {VarveError} as `openImage`, `snapshotTrees` */
export async function openExplored(
  context: Context,
  argument: string,
  options: Options,
): Promise<Explored> {
  const fromSource = isSource(argument);
  if (!fromSource && isSnapshot(await context.store(), argument)) {
    const store = await context.store();
    const { layers } = await treesOfSnapshot(context, argument);
    const diffIds = layers.flatMap(({ diffId }) => diffId ?? []);
    const row = store.snapshots.read((rows) => rows.get(argument));
    const image = row === undefined ? undefined : await parentImage(store, row, diffIds);
    const history = image === undefined ? [] : layerHistory(image.config);
    return {
      layers: layers.map((layer, i) => ({ ...layer, history: history[i] })),
      facts: { imageId: null, platform: null, created: null },
      source: { kind: "snapshot", name: argument, manifest: null, blobs: [] },
      usage: null,
    };
  }
  const { store, image } = await openAnyImage(context, argument, options);
  const history = layerHistory(image.config);
  const usage = fromSource ? undefined : await imageUsage(store, image.record.name, context.signal);
  return {
    layers: await Promise.all(image.layers.map(async ({ diffId }, i) => {
      return { diffId, tree: await store.layers.tree(diffId), history: history[i] };
    })),
    facts: factsOf(image),
    source: {
      kind: fromSource ? sourceKind(argument) : "store",
      name: fromSource ? argument : image.record.name,
      manifest: image.descriptor.digest,
      blobs: image.layers.map(({ descriptor: { digest, mediaType, size } }) => ({
        digest,
        mediaType,
        size,
      })),
    },
    usage: usage === undefined
      ? null
      : { size: usage.size, shared: usage.shared, unique: usage.unique },
  };
}

function factsOf({ imageId, config }: StoredImage): Explored["facts"] {
  return {
    imageId,
    platform: formatPlatform(config.platform),
    created: config.created ?? null,
  };
}

/** The build step of each layer, lowest first: those that made a layer. */
function layerHistory({ history }: ImageConfig): readonly HistoryEntry[] {
  return history.filter(({ emptyLayer }) => emptyLayer !== true);
}
