import { algorithmOf, type DiffId, type Digest, isDigest } from "../../digest/mod.ts";
import { isBadData, VarveError } from "../../errors.ts";
import { StoreLayerIngest } from "../../image/internal.ts";
import { layerRules } from "../../layer_job/internal.ts";
import { parseDocument, parseImageConfig } from "../../oci/mod.ts";
import {
  adoptBlob,
  adoptChain,
  adoptLayer,
  discardBlob,
  discardOrphan,
  factOf,
  homeIn,
  homePath,
  LAYER_FILES,
  type LayerMarker,
  readRows,
} from "../../store/internal.ts";
import { gcKnowledge } from "../../snapshot/internal.ts";
import { Affected } from "../check/affected.ts";
import { pathOfBlob } from "../check/check_blobs.ts";
import { hashJob } from "../deep/hash_job.ts";
import { treeJob } from "../deep/tree_job.ts";
import type { Repair } from "./contract.ts";
import { healLostSnapshot } from "./heal_lost.ts";

/** Largest document that is looked at to learn its media type, in bytes. */
const MAX_DOCUMENT = 4 * 1024 * 1024;

/** Gives files and directories without a row their rows, if they prove what they are; else removes them. */
export async function healOrphans(repair: Repair): Promise<void> {
  for (const { site } of repair.damages) {
    if (site.at === "orphan-blob" && isDigest(site.digest)) await healBlob(repair, site.digest);
    if (site.at !== "orphan") continue;
    if (site.home === "layers") await healLayer(repair, site.cacheId);
    else if (site.home === "chains") await healChain(repair, site.cacheId);
    else await healLostSnapshot(repair, site.cacheId);
  }
}

async function healBlob({ store, pool, options, say }: Repair, digest: Digest): Promise<void> {
  const path = `${store.root}/${pathOfBlob(digest)}`;
  const input = [{ path, algorithms: [algorithmOf(digest)] }];
  const [hashed] = await pool.run(hashJob, input, { signal: options.signal });
  if (hashed?.digests[0] !== digest) {
    await discardBlob(store, digest);
    return say(`${pathOfBlob(digest)} was removed: it has no row and other bytes`);
  }
  const mediaType = markedType(store, digest) ?? documentType(path, hashed.size);
  await adoptBlob(store, { digest, size: hashed.size, mediaType });
  say(`${pathOfBlob(digest)} has its row again`);
}

/** The media type that the marker of a layer records for a blob. */
function markedType(store: Repair["store"], digest: string): string | undefined {
  for (const { cache_id } of readRows(store).layers) {
    const marker = homeIn(store, "layers", cache_id)?.marker;
    const blob = marker?.kind === "layer"
      ? marker.blobs?.find((one) => one.digest === digest)
      : undefined;
    if (blob !== undefined) return blob.mediaType;
  }
  return undefined;
}

/** The media type of a document, from its content; `""` when it is none. */
export function documentType(path: string, size: number): string {
  if (size > MAX_DOCUMENT) return "";
  const bytes = Deno.readFileSync(path);
  try {
    return parseDocument(bytes).mediaType;
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
  try {
    parseImageConfig(bytes);
    return "application/vnd.oci.image.config.v1+json";
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    return "";
  }
}

async function healLayer(repair: Repair, cacheId: number): Promise<void> {
  const { store, say } = repair;
  const marker = homeIn(store, "layers", cacheId)?.marker;
  if (marker?.kind !== "layer" || marker.id !== cacheId || !await isProved(repair, marker)) {
    const remade = await remakeFromTar(repair, cacheId);
    if (remade === "failed") return;
    await discardOrphan(store, "layers", cacheId);
    if (remade !== null) return say(`layer ${remade} was made again from layers/${cacheId}`);
    return say(`layers/${cacheId} was removed: it has no row, and does not prove what it is`);
  }
  if (store.layers.get(marker.diffID as DiffId) !== undefined) {
    await discardOrphan(store, "layers", cacheId);
    return say(`layers/${cacheId} was removed: the store holds the layer elsewhere`);
  }
  await adoptLayer(store, marker);
  say(`layers/${cacheId} has its row again`);
}

/**
 * Makes a layer again from the tar in a directory that has no sound marker: the tar proves itself by its digest.
 *
 * @returns its diffID; `null` when nothing needs the layer, or the store holds it elsewhere; `"failed"` when it could not be
 * made, or nobody knows whether something needs it
 */
async function remakeFromTar(
  repair: Repair,
  cacheId: number,
): Promise<DiffId | null | "failed"> {
  const { store, pool, options, say } = repair;
  const directory = homePath(store, "layers", cacheId);
  const tar = factOf(directory, LAYER_FILES.tar);
  if (tar?.type !== "file") return null;
  const path = `${directory}/${LAYER_FILES.tar}`;
  const { signal = new AbortController().signal } = options;
  const [hashed] = await pool.run(hashJob, [{ path, algorithms: ["sha256"] }], { signal });
  const diffId = hashed?.digests[0] as DiffId | undefined;
  if (diffId === undefined || store.layers.get(diffId) !== undefined) return null;
  const isNeeded = await isLayerNeeded(store, diffId);
  if (isNeeded === undefined) {
    say(`layers/${cacheId} stays while a document cannot be read that may name its layer`);
    return "failed";
  }
  if (!isNeeded) return null;
  await using ingest = await store.ingest();
  const rules = layerRules(options);
  const layers = new StoreLayerIngest({ ...rules, store, ingest, pool, signal, verb: "repair" });
  try {
    await layers.bring(
      { label: `layers/${cacheId}`, diffId },
      { kind: "file", path, offset: 0, length: tar.size },
    );
    await ingest.commit();
    return diffId;
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    if (isBadData(error)) return null;
    say(error.message);
    return "failed";
  }
}

/** Whether an image, a lease or a snapshot names a layer; `undefined` when a document cannot be read that may name it. */
async function isLayerNeeded(store: Repair["store"], diffId: DiffId): Promise<boolean | undefined> {
  const rows = readRows(store);
  if (rows.snapshots.some((row) => row.diff_id === diffId)) return true;
  const affected = await Affected.of(store, rows);
  if (affected.usersAt({ at: "layer", diffId, cacheId: null }).length > 0) return true;
  const { unreadable } = await store.collector.mark(gcKnowledge(store));
  return unreadable.length > 0 ? undefined : false;
}

/** Whether tar and tree in a directory have the digests that its marker says. */
async function isProved(
  { store, pool, options: { signal } }: Repair,
  { id, diffID, treeSum, treeDigest, entries }: LayerMarker,
): Promise<boolean> {
  const directory = homePath(store, "layers", id);
  const tar = [{ path: `${directory}/layer.tar`, algorithms: [algorithmOf(diffID as Digest)] }];
  const [hashed] = await pool.run(hashJob, tar, { signal });
  if (hashed?.digests[0] !== diffID) return false;
  const tree = { path: `${directory}/tree`, sum: treeSum ?? null, treeDigest, entries };
  return await pool.run(treeJob, tree, { signal }) === null;
}

async function healChain({ store, say }: Repair, cacheId: number): Promise<void> {
  const marker = homeIn(store, "chains", cacheId)?.marker;
  if (marker?.kind === "chain" && marker.id === cacheId && await adoptChain(store, marker)) {
    return say(`chains/${cacheId} has its row again`);
  }
  await discardOrphan(store, "chains", cacheId);
  say(`chains/${cacheId} was removed: no chain has it`);
}
