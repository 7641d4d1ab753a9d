import type { Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Chains, Images, IngestResult } from "../contract.ts";
import type { LayerRecord } from "../records.ts";
import { checkPrevious, namelessImage, notFound, PLAIN_LAYER } from "../rules.ts";
import { provisionalRecord } from "../staging/staged.ts";
import type { MemoryPlan, MemoryState, StagedBytes } from "./state.ts";

/** Makes a plan visible. All checks that can fail come before the first change. */
export function commitPlan(
  state: MemoryState,
  plan: MemoryPlan,
  rows: { readonly chains: Chains; readonly images: Images },
): IngestResult {
  const blobs = allBlobs(state, plan);
  check(state, plan, blobs);
  for (const { name, target, ...options } of plan.images) {
    const own = name ?? namelessImage(target.digest);
    checkPrevious(own, rows.images.get(own)?.target.digest, options);
  }
  for (const layer of plan.layers) {
    const { diffId, otherDiffId, digest, tar, tree } = layer;
    state.proved.set(digest, diffId);
    if (otherDiffId !== undefined) state.names.set(otherDiffId, diffId);
    if (state.layers.has(diffId)) continue;
    const record = { ...provisionalRecord(layer), cacheId: state.nextCacheId() };
    state.layers.set(diffId, { record, tar, tree });
  }
  for (const diffId of plan.plain) state.proved.set(diffId, diffId);
  for (const [digest, { bytes, ...blob }] of blobs) {
    if (state.blobs.has(digest)) continue;
    state.blobs.set(digest, { record: { ...blob, verifiedAt: Date.now() }, bytes });
  }
  for (const diffIds of plan.chains) rows.chains.ensure(diffIds.map((id) => state.identity(id)));
  const images = plan.images.map(({ name, target, ...options }) =>
    rows.images.set(name ?? namelessImage(target.digest), target, options)
  );
  const layers = [...plan.asked].map((id) => state.layers.get(id)?.record as LayerRecord);
  return { images, layers };
}

/**
 * The blobs to add, by digest: staged blobs, blobs of layers, and tars that are wanted as blobs.
 */
function allBlobs(state: MemoryState, plan: MemoryPlan): Map<Digest, StagedBytes> {
  const blobs = new Map(plan.blobs.map((blob) => [blob.digest, blob]));
  for (const { digest, blob } of plan.layers) {
    if (blob !== null) blobs.set(digest, blob);
  }
  for (const digest of plan.plain) {
    const made = plan.layers.find((layer) => layer.diffId === digest);
    const bytes = (state.layers.get(digest) ?? made)?.tar;
    if (bytes === undefined || blobs.has(digest)) continue;
    blobs.set(digest, { digest, size: bytes.size, mediaType: PLAIN_LAYER, bytes });
  }
  return blobs;
}

function check(state: MemoryState, plan: MemoryPlan, blobs: ReadonlyMap<Digest, unknown>): void {
  const made = new Set(plan.layers.flatMap((layer) => [layer.diffId, layer.otherDiffId]));
  for (const diffId of plan.chains.flat()) {
    if (made.has(diffId) || state.layers.has(state.identity(diffId))) continue;
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot note a chain: the store does not hold layer ${diffId}`,
      {
        subject: diffId,
      },
    );
  }
  for (const { target: { digest } } of plan.images) {
    if (!blobs.has(digest) && !state.blobs.has(digest)) throw notFound("blob", digest);
  }
}
