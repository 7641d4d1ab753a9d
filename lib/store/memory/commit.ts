import type { DiffId, Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Chains, Images, IngestResult, LayerRecord } from "../contract.ts";
import { type NamedTarget, namelessImage, notFound, PLAIN_LAYER } from "../rules.ts";
import type { MemoryBlob, MemoryState, Offer } from "./state.ts";

/** What an ingest commits. */
export interface MemoryPlan {
  readonly made: readonly Offer[];
  readonly blobs: ReadonlyMap<Digest, MemoryBlob>;
  readonly plain: ReadonlySet<DiffId>;
  readonly asked: readonly DiffId[];
  readonly images: readonly NamedTarget[];
  readonly chains: readonly (readonly DiffId[])[];
}

/** Makes all of a plan visible in one go: what can fail is judged before anything changes. */
export function commitPlan(
  state: MemoryState,
  plan: MemoryPlan,
  rows: { readonly chains: Chains; readonly images: Images },
): IngestResult {
  const blobs = allBlobs(state, plan);
  judge(state, plan, blobs);
  for (const { record, tar, tree, digest } of plan.made) {
    const { diffId } = record;
    state.proved.set(digest, diffId);
    if (state.layers.has(diffId)) continue;
    state.layers.set(diffId, { record: { ...record, cacheId: state.nextCacheId() }, tar, tree });
  }
  for (const diffId of plan.plain) state.proved.set(diffId, diffId);
  for (const [digest, blob] of blobs) {
    if (!state.blobs.has(digest)) state.blobs.set(digest, blob);
  }
  for (const diffIds of plan.chains) rows.chains.ensure(diffIds);
  const images = plan.images.map(({ name, target, ...options }) =>
    rows.images.set(name ?? namelessImage(target.digest), target, options)
  );
  const layers = [...new Set(plan.asked)].map((id) => state.layers.get(id)?.record as LayerRecord);
  return { images, layers };
}

/** The blobs of documents and of layers. */
function allBlobs(state: MemoryState, plan: MemoryPlan): Map<Digest, MemoryBlob> {
  const blobs = new Map(plan.blobs);
  for (const { digest, blob } of plan.made) {
    if (blob !== null) blobs.set(digest, blob);
  }
  for (const digest of plan.plain) {
    const made = plan.made.find((offer) => offer.record.diffId === digest);
    const bytes = (state.layers.get(digest) ?? made)?.tar;
    if (bytes === undefined || blobs.has(digest)) continue;
    const size = bytes.length;
    const record = { digest, size, mediaType: PLAIN_LAYER, verifiedAt: Date.now() };
    blobs.set(digest, { record, bytes });
  }
  return blobs;
}

function judge(state: MemoryState, plan: MemoryPlan, blobs: ReadonlyMap<Digest, unknown>): void {
  const made = new Set(plan.made.map((offer) => offer.record.diffId));
  for (const diffId of plan.chains.flat()) {
    if (made.has(diffId) || state.layers.has(diffId)) continue;
    throw new VarveError("E_PRECONDITION", `Cannot note a chain: layer ${diffId} is not here`, {
      subject: diffId,
    });
  }
  for (const { target: { digest } } of plan.images) {
    if (!blobs.has(digest) && !state.blobs.has(digest)) throw notFound("blob", digest);
  }
}
