/** Layers for the tests of stores, made from a seed without a layer job. */
import { type ByteString, EPOCH } from "../../lib/bytes/mod.ts";
import type { Compression } from "../../lib/codec/compress/mod.ts";
import { type DiffId, type Digest, sha256, type TreeDigest } from "../../lib/digest/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../../lib/layer_job/mod.ts";
import type { Ingest, LayerKey, StagedLayer } from "../../lib/store/mod.ts";
import { TreeBuilder } from "../../lib/tree/mod.ts";
import { prng } from "../support/prng.ts";
import { fileOf } from "../support/trees/encoded_tree.ts";

export const GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
export const TAR_LAYER = "application/vnd.oci.image.layer.v1.tar";

/** A layer as the layer job would make it. */
export interface SampleLayer {
  readonly diffId: DiffId;
  /** Digest of the blob: of the tar itself when there is no compressed form. */
  readonly digest: Digest;
  readonly tar: Uint8Array<ArrayBuffer>;
  /** The compressed blob; any bytes will do, because a store does not look into it. `null` for an uncompressed layer. */
  readonly blob: Uint8Array<ArrayBuffer> | null;
  readonly tree: Uint8Array<ArrayBuffer>;
  readonly treeDigest: TreeDigest;
  readonly mediaType: string;
  readonly key: Required<LayerKey>;
}

/** A layer of `size` bytes; the same seed gives the same one. `wrapped` says which compressed form it has. */
export function sampleLayer(seed: number, size = 4096, wrapped?: number): SampleLayer {
  const tar = prng(seed).bytes(size);
  const diffId = sha256(tar) as DiffId;
  const blob = wrapped === undefined ? null : prng(0x10000 + seed * 16 + wrapped).bytes(size >> 1);
  const digest = blob === null ? diffId : sha256(blob);
  const builder = new TreeBuilder({ kind: "layer" });
  builder.put(builder.root, `link-${seed}` as ByteString, {
    type: "symlink",
    target: "x" as ByteString,
    mode: 0o777,
    uid: 0,
    gid: 0,
    mtime: EPOCH,
    xattrs: [],
    group: null,
  });
  const built = builder.finish(diffId);
  const tree = fileOf(built);
  const mediaType = blob === null ? TAR_LAYER : GZIP_LAYER;
  const key = { digest, diffId };
  return { diffId, digest, tar, blob, tree, treeDigest: built.digest, mediaType, key };
}

/** Writes a layer to its target as the layer job would, and returns the job's output. */
export async function runJob(layer: SampleLayer, target: LayerTarget): Promise<LayerJobOutput> {
  const { tar, tree, blob, diffId, digest, treeDigest } = layer;
  if (target.kind === "files") {
    await Deno.writeFile(target.tree, tree, { createNew: true });
    if (target.kept !== undefined) await arrive(layer, target, Infinity);
    if (blob !== null || target.kept === undefined) {
      await Deno.writeFile(target.tar, tar, { createNew: true });
    }
    if (blob !== null && target.blob !== null && target.kept === undefined) {
      await Deno.writeFile(target.blob, blob, { createNew: true });
    }
  }
  const compression: Compression = blob === null ? "none" : "gzip";
  return {
    digest,
    size: (blob ?? tar).length,
    compression,
    diffId,
    uncompressedSize: tar.length,
    treeDigest,
    treeSum: sha256(tree),
    entries: 1,
    warnings: [],
    memory: target.kind === "memory"
      ? { tar: [tar], tree, blob: blob === null ? null : [blob] }
      : undefined,
  };
}

/** Writes what a job with kept bytes has written when the bytes up to `end` have come. */
export async function arrive(layer: SampleLayer, target: LayerTarget, end: number): Promise<void> {
  if (target.kind !== "files" || target.blob === null) return;
  const bytes = (layer.blob ?? layer.tar).subarray(target.kept, end);
  await Deno.writeFile(target.blob, bytes, { append: true });
}

/** Runs the job of a layer and finishes it. */
export async function finishLayer(staged: StagedLayer, layer: SampleLayer): Promise<void> {
  await staged.finish(await runJob(layer, staged.target), layer.mediaType);
}

/** Brings a layer unless it is present; returns the state in which it was found. */
export async function bringLayer(
  ingest: Ingest,
  layer: SampleLayer,
  key: LayerKey = layer.key,
): Promise<"new" | "present"> {
  const begun = await ingest.layer(key, { blob: true });
  if (begun.state === "new") await finishLayer(begun.staged, layer);
  return begun.state;
}
