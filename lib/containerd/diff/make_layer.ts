import type { DiffId, Digest } from "../../digest/mod.ts";
import { layerError } from "../../image/internal.ts";
import { layerJob, layerRules } from "../../layer_job/internal.ts";
import type { LayerRules } from "../../layer_job/mod.ts";
import { layerMediaType } from "../../oci/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore, Ingest, LayerRecord, StagedLayer } from "../../store/mod.ts";
import type { ContentStore } from "../contract.ts";
import { blobBytes, type ContentBlob } from "./blob_bytes.ts";
import type { WrittenBlobs } from "./written_blobs.ts";
import type { LayerHolds } from "./layer_holds.ts";

/** What makes layers of containerd's blobs. */
export interface LayerMaker {
  readonly store: DiskStore;
  readonly pool: Pool;
  readonly content: ContentStore;
  /** Policy and limits for layers. */
  readonly rules: LayerRules;
  /** Keeps new layers until a snapshot has them. */
  readonly holds: LayerHolds;
  /** Blobs that Diff made of layers of the store. */
  readonly written: WrittenBlobs;
}

/** A layer of the store. */
export interface MadeLayer {
  readonly diffId: DiffId;
  /** Size of the uncompressed tar in bytes. */
  readonly size: number;
}

/**
 * Makes the layer of a blob and commits it to the store, as a load does. The blob itself is not kept: containerd has it.
 * If another process makes the same layer, this waits for it.
 *
 * @param mediaType media type of the descriptor; `undefined` when it is not known
 * @throws {VarveError} as the layer job · `E_NOT_FOUND` containerd does not have the blob
 */
export async function makeLayer(
  maker: LayerMaker,
  blob: ContentBlob,
  mediaType: string | undefined,
  signal: AbortSignal,
): Promise<MadeLayer> {
  const { store, holds } = maker;
  await using ingest = await store.ingest();
  const { digest } = blob;
  const diffId = await stageLayer(maker, ingest, blob, mediaType, signal);
  holds.begin(diffId);
  try {
    signal.throwIfAborted();
    const { layers } = await ingest.commit();
    const made = layers.find((layer) => layer.diffId === diffId);
    if (made === undefined) throw new Error(`the commit of ${digest} has no layer`);
    return { diffId, size: made.size };
  } catch (error) {
    holds.end(diffId);
    throw error;
  }
}

/** The layer that a blob was proved to hold, if the store has it intact. */
export function knownLayer(
  { store: { layers }, written }: Pick<LayerMaker, "store" | "written">,
  digest: Digest,
): MadeLayer | undefined {
  const diffId = written.layerOf(digest);
  const layer: LayerRecord | undefined = layers.byBlob(digest) ??
    (diffId === undefined ? undefined : layers.get(diffId));
  if (layer === undefined || layer.verifiedAt === 0) return undefined;
  return { diffId: layer.diffId, size: layer.size };
}

async function stageLayer(
  maker: LayerMaker,
  ingest: Ingest,
  blob: ContentBlob,
  mediaType: string | undefined,
  signal: AbortSignal,
): Promise<DiffId> {
  const begun = await ingest.layer({ digest: blob.digest }, { signal });
  if (begun.state === "present") return begun.record.diffId;
  const { staged } = begun;
  try {
    return await runJob(maker, staged, blob, mediaType, signal);
  } catch (error) {
    await staged.discard();
    throw layerError(error, "apply", blob.digest);
  }
}

async function runJob(
  { content, pool, store, rules }: LayerMaker,
  staged: StagedLayer,
  blob: ContentBlob,
  mediaType: string | undefined,
  signal: AbortSignal,
): Promise<DiffId> {
  const bytes = await blobBytes(content, blob);
  const { target } = staged;
  const output = await pool.run(layerJob, {
    source: bytes.kind === "file"
      ? { kind: "file", path: bytes.path, offset: 0, length: blob.size }
      : { kind: "stream" },
    target: target.kind === "files" ? { ...target, blob: null } : target,
    expected: { digest: blob.digest, size: blob.size, mediaType },
    ...layerRules(rules),
    willSync: store.durability === "full",
  }, { signal, stream: bytes.kind === "file" ? undefined : bytes.open(signal) });
  await staged.finish(output, mediaType ?? layerMediaType(output.compression));
  return output.diffId;
}
