import { algorithmOf, type DiffId, type Digest, isDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { StoreLayerIngest } from "../../image/internal.ts";
import { layerRules } from "../../layer_job/internal.ts";
import type { LayerRules } from "../../layer_job/mod.ts";
import {
  ACCEPTED_RULES,
  type DerivedTree,
  dropBlobRow,
  factOf,
  homeIn,
  homePath,
  linkBlob,
  noteDamaged,
  noteSound,
  readRows,
  replaceTree,
  stagedTree,
} from "../../store/internal.ts";
import { gcKnowledge } from "../../snapshot/internal.ts";
import type { DiskStore } from "../../store/mod.ts";
import { pathOfBlob } from "../check/check_blobs.ts";
import type { Site } from "../check/damage.ts";
import { hashJob } from "../deep/hash_job.ts";
import type { Repair } from "./contract.ts";
import { deriveTreeJob } from "./derive_tree_job.ts";

/**
 * Heals layers from what the store holds: a tree from its tar, a tar from its compressed blob, the blob of an
 * uncompressed layer from its tar.
 */
export async function healLayers(repair: Repair): Promise<void> {
  const damages = repair.damages.filter(({ healedBy }) => healedBy !== "user");
  const layers = new Set(damages.flatMap(({ site }) => site.at === "layer" ? [site.diffId] : []));
  for (const diffId of layers) {
    if (!isDigest(diffId)) continue;
    const id = diffId as string as DiffId;
    if (!await isTarSound(repair, id)) {
      const named = damages.flatMap(({ site }) => isAt(site, diffId) ? site.blob ?? [] : []);
      await remakeLayer(repair, id, named.filter(isDigest));
    } else if (damages.some(({ kind, site }) => kind === "tree" && isAt(site, diffId))) {
      await remakeTree(repair, id);
    } else await noteLayerSound(repair.store, id);
  }
  for (const { site } of damages) {
    if (site.at === "blob" && isDigest(site.digest)) await healBlob(repair, site.digest);
  }
}

function isAt(site: Site, diffId: string): site is Extract<Site, { at: "layer" }> {
  return site.at === "layer" && site.diffId === diffId;
}

/**
 * Takes back the note that a layer is damaged. What was derived from it until then may be of the wrong bytes: a repair
 * may have died when it had replaced the tar.
 */
async function noteLayerSound(store: DiskStore, diffId: DiffId): Promise<void> {
  if (store.layers.get(diffId)?.verifiedAt === 0) await store.directories.outdate({ diffId });
  noteSound(store, "layer", diffId);
}

async function isTarSound(repair: Repair, id: DiffId): Promise<boolean> {
  const { store } = repair;
  const record = store.layers.get(id);
  if (record === undefined) return false;
  return await hasDigest(repair, `${homePath(store, "layers", record.cacheId)}/layer.tar`, id);
}

/** Whether a path is a regular file, and no link to one, with this digest. */
async function hasDigest(
  { pool, options: { signal } }: Repair,
  path: string,
  digest: Digest | DiffId,
): Promise<boolean> {
  const at = path.lastIndexOf("/");
  if (factOf(path.slice(0, at), path.slice(at + 1))?.type !== "file") return false;
  const algorithm = algorithmOf(digest);
  const [hashed] = await pool.run(hashJob, [{ path, algorithms: [algorithm] }], { signal });
  return hashed?.digests[0] === digest;
}

async function remakeTree(repair: Repair, diffId: DiffId): Promise<void> {
  const { store, say } = repair;
  try {
    await replaceTree(store, diffId, await deriveTree(repair, diffId));
    await noteLayerSound(store, diffId);
    say(`the tree of layer ${diffId} was derived from its tar`);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    say(error.message);
  }
}

/**
 * Derives a tree by the rules by which the layer came in, which may not be those of today: then it has the digest of its
 * row or marker. If there is no such tree, today's rules decide.
 */
async function deriveTree(
  { store, pool, options }: Repair,
  diffId: DiffId,
): Promise<DerivedTree> {
  const { cacheId = 0, treeDigest } = store.layers.get(diffId) ?? {};
  const marker = homeIn(store, "layers", cacheId)?.marker;
  const known: readonly (string | undefined)[] = [
    treeDigest,
    marker?.kind === "layer" ? marker.treeDigest : undefined,
  ];
  const derive = async (rules: LayerRules) => {
    const tar = `${homePath(store, "layers", cacheId)}/layer.tar`;
    const input = { tar, path: await stagedTree(store), diffId, rules };
    return await pool.run(deriveTreeJob, input, { signal: options.signal });
  };
  for (const rules of ACCEPTED_RULES) {
    const tree = await derive(rules);
    if (known.some((digest) => digest === tree.treeDigest)) return tree;
  }
  return await derive(layerRules(options));
}

/**
 * Makes tar and tree of a layer again from a blob of it in the store. Notes the layer as damaged if there is none.
 *
 * @param named blobs that documents name for the layer, besides those that were proved
 */
async function remakeLayer(
  repair: Repair,
  diffId: DiffId,
  named: readonly Digest[],
): Promise<void> {
  const { store, pool, options, say } = repair;
  noteDamaged(store, diffId);
  const signal = options.signal ?? new AbortController().signal;
  for (const digest of new Set([...store.layers.blobsOf(diffId), ...named])) {
    const blob = store.blobs.stat(digest);
    if (blob === undefined || !await isBlobSound(repair, digest)) continue;
    await using ingest = await store.ingest();
    const rules = layerRules(options);
    const layers = new StoreLayerIngest({ ...rules, store, ingest, pool, signal, verb: "repair" });
    const { size, mediaType } = blob;
    const path = `${store.root}/${pathOfBlob(digest)}`;
    try {
      await layers.bring(
        { label: digest, diffId, digest, size, mediaType: mediaType || undefined },
        { kind: "file", path, offset: 0, length: size },
      );
      await ingest.commit();
      return say(`layer ${diffId} was made again from its blob ${digest}`);
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      say(error.message);
    }
  }
}

async function isBlobSound(repair: Repair, digest: Digest): Promise<boolean> {
  return await hasDigest(repair, `${repair.store.root}/${pathOfBlob(digest)}`, digest);
}

async function healBlob(repair: Repair, digest: Digest): Promise<void> {
  const { store, say } = repair;
  if (store.blobs.stat(digest) === undefined) return;
  if (await isBlobSound(repair, digest)) return noteSound(store, "blob", digest);
  const diffId = digest as string as DiffId;
  if (store.layers.get(diffId)?.diffId === diffId && await isTarSound(repair, diffId)) {
    await linkBlob(store, diffId);
    return say(`blob ${digest} was made again from its layer`);
  }
  if (!await isNeeded(repair, digest)) {
    dropBlobRow(store, digest);
    return say(`the row of blob ${digest} was removed: nothing needs it`);
  }
  noteDamaged(store, digest);
}

/**
 * Whether something keeps a blob from gc, or may keep it: a document cannot be read, or the database is older than the
 * files.
 */
async function isNeeded(
  { store, options: { signal } }: Repair,
  digest: Digest,
): Promise<boolean> {
  if (readRows(store).state.older === 1) return true;
  const marks = await store.collector.mark(gcKnowledge(store), { signal });
  return marks.unreadable.length > 0 || marks.keeps(`blob:${digest}`);
}
