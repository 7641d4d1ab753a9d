import { type DiffId, type Digest, isDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { chainIds } from "../../layer/mod.ts";
import {
  type Descriptor,
  imageLayers,
  isAttachment,
  isNondistributable,
  type Manifest,
  parseDocument,
  parseImageConfig,
  requireImage,
} from "../../oci/mod.ts";
import { documentLimits } from "../../store/mod.ts";
import { kindOfBlob, pathOfBlob } from "../check/check_blobs.ts";
import { NO_ROW } from "../check/damage.ts";
import type { DeepPass } from "./contract.ts";
import { hasDigest } from "./scope.ts";

/**
 * Follows every image name to its documents and layers, and looks whether they are there.
 *
 * A platform of an index may be absent. A document whose bytes are wrong is found by its digest, so its content is not
 * judged here.
 */
export async function checkDocuments(pass: DeepPass): Promise<void> {
  const { rows, scope } = pass;
  const seen = new Set<string>();
  for (const { digest } of rows.images) {
    if (!isDigest(digest) || !hasDigest(scope, digest)) continue;
    await checkDocument(pass, { digest, isAttached: false, image: digest }, seen, 0);
  }
}

/** A document that an image names. */
interface Named {
  readonly digest: Digest;
  /** Whether it is an attestation or artifact beside the images of an index. The store may lack its parts. */
  readonly isAttached: boolean;
  /** The target of the image name from which it was reached. */
  readonly image: Digest;
}

async function checkDocument(
  pass: DeepPass,
  { digest, isAttached, image }: Named,
  seen: Set<string>,
  depth: number,
): Promise<void> {
  const { store, signal } = pass;
  const limits = documentLimits(store);
  const row = store.blobs.stat(digest);
  if (seen.has(digest) || row === undefined || depth > limits.indexDepth) return;
  seen.add(digest);
  signal?.throwIfAborted();
  try {
    const bytes = await store.blobs.read(digest, Math.max(limits.manifest, limits.index));
    const document = parseDocument(bytes, { mediaType: row.mediaType, limits });
    if (document.kind === "index") {
      for (const child of document.manifests) {
        const named = { digest: child.digest, isAttached: isAttachment(child), image };
        await checkDocument(pass, named, seen, depth + 1);
      }
    } else if (isAttached) {
      for (const part of [document.config, ...document.layers]) checkSize(pass, part);
    } else await checkManifest(pass, requireImage(document), image);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    if (["E_SIZE", "E_DIGEST", "E_DAMAGE", "E_NOT_FOUND", "E_NOT_IMAGE"].includes(error.code)) {
      return;
    }
    pass.report({
      kind: "row",
      what: `row of blob ${digest}`,
      expected: `a document of type ${row.mediaType}`,
      actual: error.message,
      healedBy: "rebuild",
      site: { at: "row", table: "blob", key: digest },
    });
  }
}

async function checkManifest(pass: DeepPass, manifest: Manifest, image: Digest): Promise<void> {
  const { store } = pass;
  const { config } = manifest;
  checkSize(pass, config);
  for (const layer of manifest.layers) {
    checkSize(pass, layer);
    const isHeld = store.blobs.stat(layer.digest) !== undefined;
    if (!isHeld && !isNondistributable(layer.mediaType)) missing(pass, layer, image);
  }
  if (store.blobs.stat(config.digest) === undefined) return missing(pass, config, image);
  const limits = documentLimits(store);
  const bytes = await store.blobs.read(config.digest, limits.config);
  const diffIds: DiffId[] = [];
  for (
    const { descriptor, diffId } of imageLayers(manifest, parseImageConfig(bytes, { limits }))
  ) {
    const held = store.layers.byBlob(descriptor.digest);
    const named = store.layers.get(diffId);
    if (named !== undefined) diffIds.push(named.diffId);
    if ((named ?? held) === undefined && !isNondistributable(descriptor.mediaType)) {
      missingLayer(pass, diffId, descriptor.digest, image);
    }
    if (held === undefined || named === undefined || held.diffId === named.diffId) continue;
    pass.report({
      kind: "row",
      what: `row of layer_blob ${descriptor.digest}`,
      expected: `layer ${named.diffId}`,
      actual: `layer ${held.diffId}`,
      healedBy: "rebuild",
      site: { at: "row", table: "layer_blob", key: descriptor.digest },
    });
  }
  if (diffIds.length === manifest.layers.length) checkChain(pass, image, diffIds);
}

/** Looks for the rows of the chains of an image. Without them it cannot be mounted. */
function checkChain({ store, report }: DeepPass, image: Digest, diffIds: readonly DiffId[]): void {
  const missing = chainIds(diffIds).find((id) => store.chains.get(id) === undefined);
  if (missing === undefined) return;
  report({
    kind: "row",
    what: `row of chain ${missing}`,
    expected: "a row",
    actual: NO_ROW,
    healedBy: "repair",
    site: { at: "chain", image, diffIds },
  });
}

/** Compares the size in a row with the one in a document. */
function checkSize({ store, report }: DeepPass, { digest, size }: Descriptor): void {
  const row = store.blobs.stat(digest);
  if (row === undefined || row.size === size) return;
  report({
    kind: "row",
    what: `row of blob ${digest}`,
    expected: `${size} bytes`,
    actual: `${row.size} bytes`,
    healedBy: "rebuild",
    site: { at: "row", table: "blob", key: digest },
  });
}

function missing(
  { report }: DeepPass,
  { digest, mediaType }: Descriptor,
  image: Digest,
): void {
  report({
    kind: kindOfBlob(mediaType),
    what: pathOfBlob(digest),
    expected: "a row",
    actual: NO_ROW,
    healedBy: "source",
    site: { at: "blob", digest, image },
  });
}

/** Reports a layer that has no row. A blob of it that is here heals it: the blob that the manifest names, or another. */
function missingLayer(
  { store, report }: DeepPass,
  diffId: DiffId,
  blob: Digest,
  image: Digest,
): void {
  const isHeld = [blob, ...store.layers.blobsOf(diffId)]
    .some((digest) => (store.blobs.stat(digest)?.verifiedAt ?? 0) !== 0);
  report({
    kind: "layer",
    what: `layer ${diffId}`,
    expected: "a row",
    actual: NO_ROW,
    healedBy: isHeld ? "repair" : "source",
    site: { at: "layer", diffId, cacheId: null, image, blob },
  });
}
